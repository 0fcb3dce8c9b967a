// The running demo, read from WMDA_AUTH_DEMO, and the trust store that its authority is put into.
package org.example.clients;

import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import java.net.URI;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

final class Demo {
    static final String SEARCH = "f6d78a69-c840-46a2-941b-a0e08f9296e7";

    final String baseUrl;
    final String tenantId;
    /** A resource server that checks tokens and proofs. */
    final URI apiUrl;
    final String clientId;
    final String clientSecret;
    /** The application that has a certificate. */
    final String certifiedId;
    final Path certificateFile;
    final Path certificateKeyFile;
    private final Map<String, Object>[] keyClients;

    private Demo(Map<String, Object> described) throws Exception {
        baseUrl = (String) described.get("base_url");
        tenantId = (String) described.get("tenant_id");
        apiUrl = URI.create((String) described.get("api_url"));
        Map<String, Object> client = JSONObjectUtils.getJSONObjectArray(described, "clients")[0];
        clientId = (String) client.get("client_id");
        clientSecret = (String) client.get("client_secret");
        Map<String, Object> certified = JSONObjectUtils.getJSONObjectArray(described, "certificate_clients")[0];
        certifiedId = (String) certified.get("client_id");
        certificateFile = Path.of((String) certified.get("certificate_file"));
        certificateKeyFile = Path.of((String) certified.get("key_file"));
        keyClients = JSONObjectUtils.getJSONObjectArray(described, "key_clients");
        List<?> resources = (List<?>) client.get("resources");
        if (!resources.contains(SEARCH)) {
            throw new IllegalStateException("the demo's first client lacks " + SEARCH);
        }
    }

    static Demo running() throws Exception {
        return new Demo(JSONObjectUtils.parse(System.getenv("WMDA_AUTH_DEMO")));
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Map<String, Object> of, String name) {
        return (Map<String, Object>) of.get(name);
    }

    /** The application of this profile that has a key for this algorithm. */
    Map<String, Object> keyClient(String profile, String algorithm) {
        return Arrays.stream(keyClients)
            .filter(one -> profile.equals(one.get("profile")) && algorithm.equals(one.get("alg")))
            .findFirst()
            .orElseThrow();
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
