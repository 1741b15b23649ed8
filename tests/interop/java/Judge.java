import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import java.util.Arrays;

import org.bouncycastle.asn1.ASN1InputStream;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.ASN1BitString;
import org.bouncycastle.asn1.gm.GMNamedCurves;
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
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentVerifierProvider;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
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

    /** enveloped-keys PRIVATE_KEY_HEX ENVELOPE...: opens each SM2EnvelopedKey by hand; prints d and the point. */
    private static void envelopedKeys(String[] args) throws Exception {
        X9ECParameters curve = GMNamedCurves.getByName("sm2p256v1");
        ECDomainParameters domain = new ECDomainParameters(
            curve.getCurve(), curve.getG(), curve.getN(), curve.getH());
        BigInteger own = new BigInteger(1, Hex.decode(args[1]));
        for (int i = 2; i < args.length; i++) {
            ASN1Sequence envelope = (ASN1Sequence) new ASN1InputStream(
                new ByteArrayInputStream(read(args[i]))).readObject();
            ASN1Sequence cipher = (ASN1Sequence) envelope.getObjectAt(1);
            byte[] c1 = curve.getCurve().createPoint(
                ((ASN1Integer) cipher.getObjectAt(0)).getValue(),
                ((ASN1Integer) cipher.getObjectAt(1)).getValue()).getEncoded(false);
            byte[] c3 = ((ASN1OctetString) cipher.getObjectAt(2)).getOctets();
            byte[] c2 = ((ASN1OctetString) cipher.getObjectAt(3)).getOctets();
            byte[] whole = new byte[c1.length + c3.length + c2.length];
            System.arraycopy(c1, 0, whole, 0, c1.length);
            System.arraycopy(c3, 0, whole, c1.length, c3.length);
            System.arraycopy(c2, 0, whole, c1.length + c3.length, c2.length);
            SM2Engine sm2 = new SM2Engine(SM2Engine.Mode.C1C3C2);
            sm2.init(false, new ECPrivateKeyParameters(own, domain));
            byte[] kek = sm2.processBlock(whole, 0, whole.length);
            byte[] encrypted = ((ASN1BitString) envelope.getObjectAt(3)).getOctets();
            SM4Engine sm4 = new SM4Engine();
            sm4.init(false, new KeyParameter(kek));
            byte[] plain = new byte[encrypted.length];
            for (int at = 0; at < plain.length; at += 16) {
                sm4.processBlock(encrypted, at, plain, at);
            }
            byte[] d = Arrays.copyOfRange(plain, plain.length - 32, plain.length);
            byte[] point = domain.getG().multiply(new BigInteger(1, d)).normalize().getEncoded(false);
            boolean fits = Arrays.equals(point, ((ASN1BitString) envelope.getObjectAt(2)).getOctets());
            System.out.println(fits + " " + Hex.toHexString(d));
        }
    }
}
