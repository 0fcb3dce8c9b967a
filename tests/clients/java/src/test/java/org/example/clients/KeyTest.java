// private_key_jwt with Spring Security's client and the Nimbus OAuth SDK, which also makes DPoP proofs.
package org.example.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.auth.JWTAuthenticationClaimsSet;
import com.nimbusds.oauth2.sdk.auth.PrivateKeyJWT;
import com.nimbusds.oauth2.sdk.dpop.DefaultDPoPProofFactory;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.Audience;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.token.AccessTokenType;
import com.nimbusds.oauth2.sdk.token.BearerAccessToken;
import com.nimbusds.oauth2.sdk.token.DPoPAccessToken;
import java.net.URI;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.security.oauth2.client.endpoint.NimbusJwtClientAuthenticationParametersConverter;
import org.springframework.security.oauth2.client.endpoint.OAuth2ClientCredentialsGrantRequest;
import org.springframework.security.oauth2.client.endpoint.RestClientClientCredentialsTokenResponseClient;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.ClientAuthenticationMethod;
import org.springframework.security.oauth2.core.OAuth2AuthorizationException;
import org.springframework.web.client.HttpClientErrorException;

class KeyTest {
    private final Demo demo;
    private final URI endpoint;

    KeyTest() throws Exception {
        demo = Demo.running();
        endpoint = URI.create(demo.baseUrl + "/oauth2/token");
    }

    private String bySpring(Map<String, Object> client, JWK key, String audience) {
        ClientRegistration registration = ClientRegistration.withRegistrationId("wmda")
            .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS)
            .clientAuthenticationMethod(ClientAuthenticationMethod.PRIVATE_KEY_JWT)
            .clientId((String) client.get("client_id"))
            .tokenUri(endpoint.toString())
            .build();
        NimbusJwtClientAuthenticationParametersConverter<OAuth2ClientCredentialsGrantRequest> converter =
            new NimbusJwtClientAuthenticationParametersConverter<>(any -> key);
        converter.setJwtClientAssertionCustomizer(context -> context.getClaims().audience(List.of(audience)));
        RestClientClientCredentialsTokenResponseClient asking = new RestClientClientCredentialsTokenResponseClient();
        asking.addParametersConverter(converter);
        asking.setParametersCustomizer(form -> form.add("resource", Demo.SEARCH));
        return asking.getTokenResponse(new OAuth2ClientCredentialsGrantRequest(registration))
            .getAccessToken()
            .getTokenValue();
    }

    private JWK key(Map<String, Object> client) throws Exception {
        return JWK.parse(Demo.object(client, "jwk"));
    }

    @Test
    void springGetsATokenWhenTheAudienceIsTheIssuer() throws Exception {
        for (String algorithm : List.of("ES256", "PS256")) {
            Map<String, Object> client = demo.keyClient("standard", algorithm);
            String token = bySpring(client, key(client), demo.baseUrl);
            assertEquals(client.get("client_id"), demo.verified(token).getSubject());
        }
    }

    @Test
    void springReportsAnotherAudienceAndAnotherKey() throws Exception {
        Map<String, Object> client = demo.keyClient("standard", "ES256");
        ECKey strangers = new ECKeyGenerator(Curve.P_256).keyID((String) client.get("kid")).generate();
        for (OAuth2AuthorizationException refused : List.of(
            assertThrows(
                OAuth2AuthorizationException.class,
                () -> bySpring(client, key(client), endpoint.toString())
            ),
            assertThrows(OAuth2AuthorizationException.class, () -> bySpring(client, strangers, demo.baseUrl))
        )) {
            // Spring reads errors out of answers with 400 alone; RFC 6749 section 5.2 has 401 for this one.
            HttpClientErrorException.Unauthorized answer =
                assertInstanceOf(HttpClientErrorException.Unauthorized.class, refused.getCause());
            assertTrue(answer.getResponseBodyAsString().contains("\"error\":\"invalid_client\""));
        }
    }

    private PrivateKeyJWT authentication(Map<String, Object> client) throws Exception {
        ClientID id = new ClientID((String) client.get("client_id"));
        JWTAuthenticationClaimsSet claims = new JWTAuthenticationClaimsSet(id, new Audience(demo.baseUrl));
        JWK key = key(client);
        JWSAlgorithm algorithm = JWSAlgorithm.parse((String) client.get("alg"));
        return new PrivateKeyJWT(
            claims,
            algorithm,
            key instanceof RSAKey ? key.toRSAKey().toPrivateKey() : key.toECKey().toPrivateKey(),
            key.getKeyID(),
            null
        );
    }

    private TokenResponse byNimbus(Map<String, Object> client, DefaultDPoPProofFactory proofs) throws Exception {
        TokenRequest.Builder building =
            new TokenRequest.Builder(endpoint, authentication(client), new ClientCredentialsGrant());
        HTTPRequest request = building.resource(URI.create("urn:uuid:" + Demo.SEARCH)).build().toHTTPRequest();
        if (proofs != null) {
            request.setDPoP(proofs.createDPoPJWT("POST", endpoint));
        }
        return TokenResponse.parse(request.send());
    }

    private HTTPResponse called(AccessToken token, DefaultDPoPProofFactory proofs) throws Exception {
        HTTPRequest request = new HTTPRequest(HTTPRequest.Method.GET, demo.apiUrl);
        request.setAuthorization(token.toAuthorizationHeader());
        if (proofs != null) {
            request.setDPoP(proofs.createDPoPJWT("GET", demo.apiUrl, token));
        }
        return request.send();
    }

    @Test
    void nimbusGetsBoundTokensAndCallsTheApiWithThem() throws Exception {
        for (String algorithm : List.of("ES256", "PS256")) {
            Map<String, Object> client = demo.keyClient("fapi2", algorithm);
            ECKey own = new ECKeyGenerator(Curve.P_256).generate();
            DefaultDPoPProofFactory proofs = new DefaultDPoPProofFactory(own, JWSAlgorithm.ES256);
            TokenResponse answer = byNimbus(client, proofs);
            assertTrue(answer.indicatesSuccess());
            AccessToken token = answer.toSuccessResponse().getTokens().getAccessToken();
            assertEquals(AccessTokenType.DPOP, token.getType());
            assertEquals(200, called((DPoPAccessToken) token, proofs).getStatusCode());
            assertEquals(401, called(token, null).getStatusCode());
            assertEquals(401, called(new BearerAccessToken(token.getValue()), null).getStatusCode());
        }
    }

    @Test
    void nimbusIsToldThatAProofIsMissing() throws Exception {
        TokenResponse answer = byNimbus(demo.keyClient("fapi2", "ES256"), null);
        assertEquals("invalid_dpop_proof", answer.toErrorResponse().getErrorObject().getCode());
    }
}
