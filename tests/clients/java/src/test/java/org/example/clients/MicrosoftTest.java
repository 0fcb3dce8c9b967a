// MSAL and azure-identity for Java: they add scopes of OpenID to whatever is asked for.
package org.example.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.ClientSecretCredential;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.microsoft.aad.msal4j.ClientCredentialFactory;
import com.microsoft.aad.msal4j.ClientCredentialParameters;
import com.microsoft.aad.msal4j.ConfidentialClientApplication;
import com.microsoft.aad.msal4j.IAuthenticationResult;
import com.microsoft.aad.msal4j.MsalServiceException;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class MicrosoftTest {
    private final Demo demo;

    MicrosoftTest() throws Exception {
        demo = Demo.running();
    }

    private IAuthenticationResult byMsal(String authority, String secret) throws Exception {
        ConfidentialClientApplication application = ConfidentialClientApplication
            .builder(demo.clientId, ClientCredentialFactory.createFromSecret(secret))
            .authority(authority)
            .validateAuthority(false)
            .instanceDiscovery(false)
            .build();
        Set<String> scopes = Set.of(Demo.SEARCH + "/.default");
        return application.acquireToken(ClientCredentialParameters.builder(scopes).build()).get();
    }

    private String byAzureIdentity(String secret) {
        ClientSecretCredential credential = new ClientSecretCredentialBuilder()
            .tenantId(demo.tenantId)
            .clientId(demo.clientId)
            .clientSecret(secret)
            .authorityHost(demo.baseUrl)
            .disableInstanceDiscovery()
            .maxRetry(0)
            .build();
        return credential.getTokenSync(new TokenRequestContext().addScopes(Demo.SEARCH + "/.default")).getToken();
    }

    @Test
    void msal4jGetsAToken() throws Exception {
        String token = byMsal(demo.authority() + "/", demo.clientSecret).accessToken();
        assertEquals(demo.clientId, demo.verified(token).getStringClaim("azp"));
    }

    @Test
    void msal4jMayWriteTheTenantInCapitals() throws Exception {
        String authority = demo.baseUrl + "/" + demo.tenantId.toUpperCase() + "/";
        demo.verified(byMsal(authority, demo.clientSecret).accessToken());
    }

    @Test
    void msal4jReportsAWrongSecret() {
        ExecutionException thrown =
            assertThrows(ExecutionException.class, () -> byMsal(demo.authority() + "/", demo.clientSecret + "x"));
        MsalServiceException refused = (MsalServiceException) thrown.getCause();
        assertEquals("invalid_client", refused.errorCode());
        assertTrue(refused.getMessage().contains("AADSTS7000215"), refused.getMessage());
    }

    @Test
    void azureIdentityGetsAToken() throws Exception {
        assertEquals(demo.clientId, demo.verified(byAzureIdentity(demo.clientSecret)).getStringClaim("azp"));
    }

    @Test
    void azureIdentityReportsAWrongSecret() {
        RuntimeException refused =
            assertThrows(RuntimeException.class, () -> byAzureIdentity(demo.clientSecret + "x"));
        assertTrue(refused.getMessage().contains("AADSTS7000215"), refused.getMessage());
    }
}
