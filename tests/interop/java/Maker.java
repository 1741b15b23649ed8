import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.Security;
import java.security.spec.ECGenParameterSpec;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;

import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERPrintableString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.gm.GMNamedCurves;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x9.X9ECParameters;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.SignerInfoGeneratorBuilder;
import org.bouncycastle.crypto.engines.SM2Engine;
import org.bouncycastle.crypto.engines.SM4Engine;
import org.bouncycastle.crypto.params.ECDomainParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.params.ParametersWithRandom;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.DigestCalculator;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequestBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.bouncycastle.util.encoders.Hex;

/** Objects made by BouncyCastle for our parsers: Maker DIRECTORY TOKEN_POINT_HEX ESCROWED_KEY_HEX CONTENT_FILE. */
public final class Maker {
    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        Path place = Path.of(args[0]);
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "BC");
        generator.initialize(new ECGenParameterSpec("sm2p256v1"));
        KeyPair pair = generator.generateKeyPair();
        X500Name name = new X500Name("C=CN,ST=福建省,O=测试单位,CN=BouncyCastle");
        ContentSigner signer = new JcaContentSignerBuilder("SM3withSM2").setProvider("BC").build(pair.getPrivate());

        PKCS10CertificationRequestBuilder request = new JcaPKCS10CertificationRequestBuilder(name, pair.getPublic());
        Files.write(place.resolve("plain.p10"), request.build(signer).getEncoded());
        request.addAttribute(PKCSObjectIdentifiers.pkcs_9_at_challengePassword, new DERPrintableString("111111"));
        Files.write(place.resolve("challenge.p10"), request.build(signer).getEncoded());

        Date begin = new Date(1767225600000L);
        Date end = new Date(1798761600000L);
        X509CertificateHolder certificate = new JcaX509v3CertificateBuilder(
            name, BigInteger.valueOf(4660), begin, end, name, pair.getPublic()).build(signer);
        Files.write(place.resolve("certificate.der"), certificate.getEncoded());

        byte[] content = Files.readAllBytes(Path.of(args[3]));
        DigestCalculatorProvider digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
        for (boolean direct : new boolean[] {false, true}) {
            CMSSignedDataGenerator messages = new CMSSignedDataGenerator();
            messages.addSignerInfoGenerator(new SignerInfoGeneratorBuilder(digests)
                .setDirectSignature(direct).build(signer, certificate));
            messages.addCertificate(certificate);
            CMSSignedData attached = messages.generate(new CMSProcessableByteArray(content), true);
            String suffix = direct ? "-direct" : "";
            Files.write(place.resolve("attached" + suffix + ".p7"), attached.getEncoded());
            Files.write(place.resolve("attached-der" + suffix + ".p7"),
                attached.toASN1Structure().getEncoded("DER"));
            CMSSignedData detached = messages.generate(new CMSProcessableByteArray(content), false);
            Files.write(place.resolve("detached" + suffix + ".p7"), detached.getEncoded());
        }
        Files.write(place.resolve("envelope.der"), envelope(Hex.decode(args[1]), Hex.decode(args[2])));
    }

    /** An SM2EnvelopedKey of GM/T 0009, put together by hand. */
    private static byte[] envelope(byte[] recipient, byte[] d) throws Exception {
        X9ECParameters curve = GMNamedCurves.getByName("sm2p256v1");
        ECDomainParameters domain = new ECDomainParameters(
            curve.getCurve(), curve.getG(), curve.getN(), curve.getH());
        SecureRandom random = new SecureRandom();
        byte[] kek = new byte[16];
        random.nextBytes(kek);
        SM2Engine sm2 = new SM2Engine(SM2Engine.Mode.C1C3C2);
        sm2.init(true, new ParametersWithRandom(
            new ECPublicKeyParameters(curve.getCurve().decodePoint(recipient), domain), random));
        byte[] raw = sm2.processBlock(kek, 0, kek.length);
        SM4Engine sm4 = new SM4Engine();
        sm4.init(true, new KeyParameter(kek));
        byte[] encrypted = new byte[32];
        sm4.processBlock(d, 0, encrypted, 0);
        sm4.processBlock(d, 16, encrypted, 16);
        byte[] point = domain.getG().multiply(new BigInteger(1, d)).normalize().getEncoded(false);

        ASN1EncodableVector cipher = new ASN1EncodableVector();
        cipher.add(new ASN1Integer(new BigInteger(1, Arrays.copyOfRange(raw, 1, 33))));
        cipher.add(new ASN1Integer(new BigInteger(1, Arrays.copyOfRange(raw, 33, 65))));
        cipher.add(new DEROctetString(Arrays.copyOfRange(raw, 65, 97)));
        cipher.add(new DEROctetString(Arrays.copyOfRange(raw, 97, raw.length)));
        ASN1EncodableVector all = new ASN1EncodableVector();
        all.add(new AlgorithmIdentifier(new ASN1ObjectIdentifier("1.2.156.10197.1.104.1"), DERNull.INSTANCE));
        all.add(new DERSequence(cipher));
        all.add(new DERBitString(point));
        all.add(new DERBitString(encrypted));
        return new DERSequence(all).getEncoded("DER");
    }
}
