// What a person chooses a certificate by, read from its DER (X.509, RFC 5280): names, period, whether it is for signing.
// Only for showing: the server judges.

const SEQUENCE = 0x30, OID = 0x06, BIT_STRING = 0x03, BOOLEAN = 0x01;
const COMMON_NAME = "550403", KEY_USAGE = "551d0f";

const hex = (bytes) => Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");

/** The elements inside some DER: tag and content of each. Throws RangeError for what is none. */
function* elements(bytes) {
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at++];
    let length = bytes[at++];
    if (length > 0x80) {
      let more = length & 0x7f;
      for (length = 0; more > 0; more--) length = length * 256 + bytes[at++];
    }
    if (!(at + length <= bytes.length)) throw new RangeError("DER");
    yield { tag, content: bytes.subarray(at, at + length) };
    at += length;
  }
}

const inside = (bytes) => [...elements(bytes)];

function text({ tag, content }) {
  if (tag === 0x1e) return new TextDecoder("utf-16be").decode(content);  // BMPString
  return new TextDecoder().decode(content);
}

/** The common name of a Name; its last attribute where there is none. */
function commonName(name) {
  let last = "";
  for (const set of inside(name)) {
    for (const attribute of inside(set.content)) {
      const [type, value] = inside(attribute.content);
      last = text(value);
      if (type.tag === OID && hex(type.content) === COMMON_NAME) return last;
    }
  }
  return last;
}

function moment({ tag, content }) {
  const digits = text({ tag: 0, content });
  const year = tag === 0x17 ? (Number(digits.slice(0, 2)) < 50 ? "20" : "19") + digits.slice(0, 2) : digits.slice(0, 4);
  const rest = digits.slice(tag === 0x17 ? 2 : 4);
  const [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map((start) => rest.slice(start, start + 2));
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Whether digitalSignature is among the key usages. */
function isForSigning(extensions) {
  for (const extension of inside(inside(extensions)[0].content)) {
    const [type, ...rest] = inside(extension.content);
    if (hex(type.content) !== KEY_USAGE) continue;
    const value = rest.find((one) => one.tag !== BOOLEAN);
    const [bits] = inside(value.content);
    return bits.tag === BIT_STRING && (bits.content[1] & 0x80) !== 0;
  }
  return false;
}

/** Holder, issuer, period and use of a certificate; null for bytes that are none. */
export function readCertificate(der) {
  try {
    const [certificate] = elements(der);
    const [tbs] = elements(certificate.content);
    if (certificate.tag !== SEQUENCE || tbs.tag !== SEQUENCE) return null;
    const fields = inside(tbs.content).filter((field, place) => !(place === 0 && field.tag === 0xa0));
    const [, , issuer, period, subject] = fields;
    const [notBefore, notAfter] = inside(period.content).map(moment);
    const extensions = fields.find((field) => field.tag === 0xa3);
    return {
      holder: commonName(subject.content),
      issuer: commonName(issuer.content),
      notBefore,
      notAfter,
      isForSigning: Boolean(extensions) && isForSigning(extensions.content),
    };
  } catch {
    return null;
  }
}
