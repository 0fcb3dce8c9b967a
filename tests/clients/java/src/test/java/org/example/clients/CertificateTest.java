// Certificates instead of a secret, with MSAL and azure-identity for Java.
package org.example.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.ClientCertificateCredentialBuilder;
import com.microsoft.aad.msal4j.ClientCredentialFactory;
import com.microsoft.aad.msal4j.ClientCredentialParameters;
import com.microsoft.aad.msal4j.ConfidentialClientApplication;
import com.microsoft.aad.msal4j.IAuthenticationResult;
import com.microsoft.aad.msal4j.MsalServiceException;
import com.nimbusds.jwt.JWTClaimsSet;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.security.KeyFactory;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class CertificateTest {
    private final Demo demo;
    private final X509Certificate certificate;
    private final PrivateKey key;
    private final PrivateKey strangersKey;

    CertificateTest() throws Exception {
        demo = Demo.running();
        byte[] pem = Files.readAllBytes(demo.certificateFile);
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        certificate = (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(pem));
        String armoured = Files.readString(demo.certificateKeyFile);
        byte[] der = Base64.getMimeDecoder().decode(armoured.replaceAll("-----[A-Z ]+-----", ""));
        key = KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(der));
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        strangersKey = generator.generateKeyPair().getPrivate();
    }

    private IAuthenticationResult byMsal(PrivateKey by) throws Exception {
        ConfidentialClientApplication application = ConfidentialClientApplication
            .builder(demo.certifiedId, ClientCredentialFactory.createFromCertificate(by, certificate))
            .authority(demo.authority() + "/")
            .validateAuthority(false)
            .instanceDiscovery(false)
            .build();
        Set<String> scopes = Set.of(Demo.SEARCH + "/.default");
        return application.acquireToken(ClientCredentialParameters.builder(scopes).build()).get();
    }

    private String byAzureIdentity(String pem) {
        return new ClientCertificateCredentialBuilder()
            .tenantId(demo.tenantId)
            .clientId(demo.certifiedId)
            .pemCertificate(new ByteArrayInputStream(pem.getBytes()))
            .authorityHost(demo.baseUrl)
            .disableInstanceDiscovery()
            .maxRetry(0)
            .build()
            .getTokenSync(new TokenRequestContext().addScopes(Demo.SEARCH + "/.default"))
            .getToken();
    }

    private void isForTheCertified(String token) throws Exception {
        JWTClaimsSet claims = demo.verified(token);
        assertEquals(demo.certifiedId, claims.getStringClaim("azp"));
        assertEquals("2", claims.getStringClaim("azpacr"));
    }

    @Test
    void msal4jGetsAToken() throws Exception {
        isForTheCertified(byMsal(key).accessToken());
    }

    @Test
    void msal4jReportsASignatureByAnotherKey() {
        for (int attempt = 0; attempt < 2; attempt++) {
            ExecutionException thrown = assertThrows(ExecutionException.class, () -> byMsal(strangersKey));
            MsalServiceException refused = (MsalServiceException) thrown.getCause();
            assertEquals("invalid_client", refused.errorCode());
            assertTrue(refused.getMessage().contains("AADSTS700027"), refused.getMessage());
        }
    }

    @Test
    void azureIdentityGetsAToken() throws Exception {
        String both = Files.readString(demo.certificateKeyFile) + Files.readString(demo.certificateFile);
        isForTheCertified(byAzureIdentity(both));
    }

    @Test
    void azureIdentityReportsASignatureByAnotherKey() throws Exception {
        String body = Base64.getMimeEncoder(64, "\n".getBytes()).encodeToString(strangersKey.getEncoded());
        String pem = "-----BEGIN PRIVATE KEY-----\n" + body + "\n-----END PRIVATE KEY-----\n";
        String both = pem + Files.readString(demo.certificateFile);
        RuntimeException refused = assertThrows(RuntimeException.class, () -> byAzureIdentity(both));
        assertTrue(refused.getMessage().contains("AADSTS700027"), refused.getMessage());
    }
}
