// Nimbus OAuth SDK, which refuses a bare GUID as a resource (RFC 8707 §2).
package org.example.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.ErrorObject;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import java.net.URI;
import org.junit.jupiter.api.Test;

class StandardTest {
    private final Demo demo;

    StandardTest() throws Exception {
        demo = Demo.running();
    }

    private TokenResponse ask(URI endpoint, String secret) throws Exception {
        ClientSecretBasic client = new ClientSecretBasic(new ClientID(demo.clientId), new Secret(secret));
        TokenRequest request = new TokenRequest.Builder(endpoint, client, new ClientCredentialsGrant())
            .resource(URI.create("urn:uuid:" + Demo.SEARCH))
            .build();
        return TokenResponse.parse(request.toHTTPRequest().send());
    }

    @Test
    void nimbusFindsTheMetadataAndGetsATokenForAUrn() throws Exception {
        AuthorizationServerMetadata metadata = AuthorizationServerMetadata.resolve(new Issuer(demo.baseUrl));
        TokenResponse answer = ask(metadata.getTokenEndpointURI(), demo.clientSecret);
        assertTrue(answer.indicatesSuccess());
        String token = answer.toSuccessResponse().getTokens().getAccessToken().getValue();
        assertEquals(demo.clientId, demo.verified(token).getSubject());
    }

    @Test
    void nimbusShowsCodeAndDescriptionOfAnError() throws Exception {
        TokenResponse answer = ask(URI.create(demo.baseUrl + "/oauth2/token"), demo.clientSecret + "x");
        assertFalse(answer.indicatesSuccess());
        ErrorObject error = answer.toErrorResponse().getErrorObject();
        assertEquals("invalid_client", error.getCode());
        assertTrue(error.getDescription().contains("client id and its secret"), error.getDescription());
    }
}
