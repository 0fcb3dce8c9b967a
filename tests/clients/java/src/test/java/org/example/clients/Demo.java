// The running demo, read from WMDA_AUTH_DEMO, and the trust store that its authority is put into.
package org.example.clients;

import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import java.net.URI;
import java.util.List;
import java.util.Map;

final class Demo {
    static final String SEARCH = "f6d78a69-c840-46a2-941b-a0e08f9296e7";

    final String baseUrl;
    final String tenantId;
    final String clientId;
    final String clientSecret;

    private Demo(Map<String, Object> described) throws Exception {
        baseUrl = (String) described.get("base_url");
        tenantId = (String) described.get("tenant_id");
        Map<String, Object> client = JSONObjectUtils.getJSONObjectArray(described, "clients")[0];
        clientId = (String) client.get("client_id");
        clientSecret = (String) client.get("client_secret");
        List<?> resources = (List<?>) client.get("resources");
        if (!resources.contains(SEARCH)) {
            throw new IllegalStateException("the demo's first client lacks " + SEARCH);
        }
    }

    static Demo running() throws Exception {
        return new Demo(JSONObjectUtils.parse(System.getenv("WMDA_AUTH_DEMO")));
    }

    String authority() {
        return baseUrl + "/" + tenantId;
    }

    /** The claims of a token that one of the published keys signed for the resource. */
    JWTClaimsSet verified(String token) throws Exception {
        SignedJWT parsed = SignedJWT.parse(token);
        JWKSet keys = JWKSet.load(URI.create(baseUrl + "/oauth2/jwks").toURL());
        ECKey key = keys.getKeyByKeyId(parsed.getHeader().getKeyID()).toECKey();
        if (!parsed.verify(new ECDSAVerifier(key))) {
            throw new IllegalStateException("the signature is wrong");
        }
        JWTClaimsSet claims = parsed.getJWTClaimsSet();
        if (!claims.getAudience().equals(List.of(SEARCH))) {
            throw new IllegalStateException("aud is " + claims.getAudience());
        }
        return claims;
    }
}
