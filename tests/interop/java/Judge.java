import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

import org.bouncycastle.asn1.ASN1BitString;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1Set;
import org.bouncycastle.asn1.ASN1TaggedObject;
import org.bouncycastle.asn1.cms.EncryptedContentInfo;
import org.bouncycastle.asn1.gm.GMNamedCurves;
import org.bouncycastle.asn1.x509.Certificate;
import org.bouncycastle.asn1.x9.X9ECParameters;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.crypto.engines.SM2Engine;
import org.bouncycastle.crypto.engines.SM4Engine;
import org.bouncycastle.crypto.params.ECDomainParameters;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.signers.SM2Signer;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentVerifierProvider;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.util.Arrays;
import org.bouncycastle.util.encoders.Hex;

/** BouncyCastle as an outside judge: each command line is a verb and files; each prints one line a question. */
public final class Judge {
    private static final String PROVIDER = BouncyCastleProvider.PROVIDER_NAME;

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        switch (args[0]) {
            case "certificates": certificates(args); break;
            case "crls": crls(args); break;
            case "requests": requests(args); break;
            case "signed-data": signedData(args); break;
            case "enveloped-keys": envelopedKeys(args); break;
            case "skf-blobs": skfBlobs(args); break;
            case "envelopes": envelopes(args); break;
            default: throw new IllegalArgumentException(args[0]);
        }
    }

    private static byte[] read(String place) throws Exception {
        return Files.readAllBytes(Path.of(place));
    }

    private static ContentVerifierProvider keyOf(X509CertificateHolder holder) throws Exception {
        return new JcaContentVerifierProviderBuilder().setProvider(PROVIDER).build(holder);
    }

    /** certificates ISSUER CERTIFICATE...: whether the issuer's key signed each. */
    private static void certificates(String[] args) throws Exception {
        ContentVerifierProvider issuer = keyOf(new X509CertificateHolder(read(args[1])));
        for (int i = 2; i < args.length; i++) {
            X509CertificateHolder holder = new X509CertificateHolder(read(args[i]));
            System.out.println(holder.isSignatureValid(issuer) + " " + holder.getSubject());
        }
    }

    /** crls ISSUER CRL...: whether the issuer's key signed each, and how many entries it has. */
    private static void crls(String[] args) throws Exception {
        ContentVerifierProvider issuer = keyOf(new X509CertificateHolder(read(args[1])));
        for (int i = 2; i < args.length; i++) {
            X509CRLHolder holder = new X509CRLHolder(read(args[i]));
            System.out.println(holder.isSignatureValid(issuer) + " " + holder.getRevokedCertificates().size());
        }
    }

    /** requests REQUEST...: whether each proves possession of its key. */
    private static void requests(String[] args) throws Exception {
        for (int i = 1; i < args.length; i++) {
            PKCS10CertificationRequest request = new PKCS10CertificationRequest(read(args[i]));
            ContentVerifierProvider own = new JcaContentVerifierProviderBuilder()
                .setProvider(PROVIDER).build(request.getSubjectPublicKeyInfo());
            System.out.println(request.isSignatureValid(own) + " " + request.getSubject()
                + " " + request.getAttributes().length);
        }
    }

    /** signed-data MESSAGE CONTENT|- ...: whether all signers of each message hold. */
    private static void signedData(String[] args) throws Exception {
        for (int i = 1; i < args.length; i += 2) {
            CMSSignedData message = args[i + 1].equals("-")
                ? new CMSSignedData(read(args[i]))
                : new CMSSignedData(new CMSProcessableByteArray(read(args[i + 1])), read(args[i]));
            int signers = 0;
            for (SignerInformation signer : message.getSignerInfos().getSigners()) {
                X509CertificateHolder holder = (X509CertificateHolder)
                    message.getCertificates().getMatches(signer.getSID()).iterator().next();
                if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider(PROVIDER).build(holder))) {
                    signers = Integer.MIN_VALUE;
                }
                signers++;
            }
            System.out.println((signers > 0) + " " + signers);
        }
    }

    private static final X9ECParameters CURVE = GMNamedCurves.getByName("sm2p256v1");
    private static final ECDomainParameters DOMAIN = new ECDomainParameters(
        CURVE.getCurve(), CURVE.getG(), CURVE.getN(), CURVE.getH());

    /** What a ciphertext of SM2 (C1C3C2) holds; x and y are those of C1. */
    private static byte[] open(String keyHex, BigInteger x, BigInteger y, byte[] c3, byte[] c2) throws Exception {
        byte[] c1 = CURVE.getCurve().createPoint(x, y).getEncoded(false);
        SM2Engine sm2 = new SM2Engine(SM2Engine.Mode.C1C3C2);
        sm2.init(false, new ECPrivateKeyParameters(new BigInteger(1, Hex.decode(keyHex)), DOMAIN));
        byte[] whole = Arrays.concatenate(c1, c3, c2);
        return sm2.processBlock(whole, 0, whole.length);
    }

    /** What an SM2Cipher of GM/T 0009 holds. */
    private static byte[] open(String keyHex, ASN1Sequence cipher) throws Exception {
        return open(keyHex, ((ASN1Integer) cipher.getObjectAt(0)).getValue(),
            ((ASN1Integer) cipher.getObjectAt(1)).getValue(),
            ((ASN1OctetString) cipher.getObjectAt(2)).getOctets(),
            ((ASN1OctetString) cipher.getObjectAt(3)).getOctets());
    }

    /** Whether d, the end of what SM4/ECB hides, belongs to the point; and d. */
    private static void tellKey(byte[] kek, byte[] encrypted, byte[] point) {
        SM4Engine sm4 = new SM4Engine();
        sm4.init(false, new KeyParameter(kek));
        byte[] plain = new byte[encrypted.length];
        for (int at = 0; at < plain.length; at += 16) {
            sm4.processBlock(encrypted, at, plain, at);
        }
        byte[] d = Arrays.copyOfRange(plain, plain.length - 32, plain.length);
        byte[] expected = DOMAIN.getG().multiply(new BigInteger(1, d)).normalize().getEncoded(false);
        System.out.println(Arrays.areEqual(expected, point) + " " + Hex.toHexString(d));
    }

    /** enveloped-keys PRIVATE_KEY_HEX ENVELOPE...: opens each SM2EnvelopedKey by hand; prints d and whether it fits. */
    private static void envelopedKeys(String[] args) throws Exception {
        for (int i = 2; i < args.length; i++) {
            ASN1Sequence envelope = ASN1Sequence.getInstance(read(args[i]));
            byte[] kek = open(args[1], (ASN1Sequence) envelope.getObjectAt(1));
            tellKey(kek, ((ASN1BitString) envelope.getObjectAt(3)).getOctets(),
                ((ASN1BitString) envelope.getObjectAt(2)).getOctets());
        }
    }

    /** skf-blobs PRIVATE_KEY_HEX BLOB...: opens each ENVELOPEDKEYBLOB of GM/T 0016 by its offsets. */
    private static void skfBlobs(String[] args) throws Exception {
        for (int i = 2; i < args.length; i++) {
            byte[] blob = read(args[i]);
            ByteBuffer numbers = ByteBuffer.wrap(blob).order(ByteOrder.LITTLE_ENDIAN);
            // Version, ulSymmAlgID (SGD_SM4_ECB), ulBits; key field of 64; BitLen, X and Y of 64; ECCCIPHERBLOB.
            if (numbers.getInt(0) != 1 || numbers.getInt(4) != 0x401 || numbers.getInt(8) != 256
                || numbers.getInt(76) != 256 || numbers.getInt(368) != 16 || blob.length != 388) {
                throw new IllegalArgumentException("not as in GM/T 0016");
            }
            byte[] field = Arrays.copyOfRange(blob, 12, 76);
            byte[] point = Arrays.concatenate(new byte[] {4},
                Arrays.copyOfRange(blob, 112, 144), Arrays.copyOfRange(blob, 176, 208));
            byte[] kek = open(args[1], new BigInteger(1, Arrays.copyOfRange(blob, 208, 272)),
                new BigInteger(1, Arrays.copyOfRange(blob, 272, 336)), Arrays.copyOfRange(blob, 336, 368),
                Arrays.copyOfRange(blob, 372, 388));
            tellKey(kek, Arrays.copyOfRange(field, 32, 64), point);
        }
    }

    /**
     * envelopes PRIVATE_KEY_HEX PLAINTEXT MESSAGE...: opens EnvelopedData and SignedAndEnvelopedData of GM/T 0010 by hand
     * and verifies the signatures of the latter over the plaintext; prints whether the plaintext is the expected one.
     */
    private static void envelopes(String[] args) throws Exception {
        byte[] expected = read(args[2]);
        for (int i = 3; i < args.length; i++) {
            ASN1Sequence info = ASN1Sequence.getInstance(read(args[i]));
            String type = ((ASN1ObjectIdentifier) info.getObjectAt(0)).getId();
            ASN1Sequence message = ASN1Sequence.getInstance((ASN1TaggedObject) info.getObjectAt(1), true);
            boolean isSigned = type.equals("1.2.156.10197.6.1.4.2.4") || type.equals("1.2.840.113549.1.7.4");
            ASN1Set recipients = (ASN1Set) message.getObjectAt(1);
            ASN1Sequence recipient = (ASN1Sequence) recipients.getObjectAt(0);
            byte[] key = open(args[1], ASN1Sequence.getInstance(
                ((ASN1OctetString) recipient.getObjectAt(3)).getOctets()));
            EncryptedContentInfo content = EncryptedContentInfo.getInstance(message.getObjectAt(isSigned ? 3 : 2));
            if (!content.getContentEncryptionAlgorithm().getAlgorithm().getId().equals("1.2.156.10197.1.104.2")) {
                throw new IllegalArgumentException("not SM4 in CBC");
            }
            byte[] iv = ASN1OctetString.getInstance(content.getContentEncryptionAlgorithm().getParameters()).getOctets();
            Cipher sm4 = Cipher.getInstance("SM4/CBC/PKCS5Padding", PROVIDER);
            sm4.init(Cipher.DECRYPT_MODE, new SecretKeySpec(key, "SM4"), new IvParameterSpec(iv));
            byte[] plain = sm4.doFinal(content.getEncryptedContent().getOctets());
            String verdict = type + " " + Arrays.areEqual(plain, expected);
            if (isSigned) {
                ASN1TaggedObject certificates = (ASN1TaggedObject) message.getObjectAt(4);
                X509CertificateHolder holder = new X509CertificateHolder(
                    Certificate.getInstance(ASN1Set.getInstance(certificates, false).getObjectAt(0)));
                ASN1Set signers = (ASN1Set) message.getObjectAt(message.size() - 1);
                ASN1Sequence signer = (ASN1Sequence) signers.getObjectAt(0);
                byte[] signature = ((ASN1OctetString) signer.getObjectAt(4)).getOctets();
                byte[] point = holder.getSubjectPublicKeyInfo().getPublicKeyData().getOctets();
                SM2Signer verifier = new SM2Signer();
                verifier.init(false, new ECPublicKeyParameters(CURVE.getCurve().decodePoint(point), DOMAIN));
                verifier.update(plain, 0, plain.length);
                verdict += " " + verifier.verifySignature(signature);
            }
            System.out.println(verdict);
        }
    }
}
