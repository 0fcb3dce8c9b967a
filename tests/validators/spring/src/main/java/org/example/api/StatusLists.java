package org.example.api;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.InflaterInputStream;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;

/** Token Status Lists: read again when their ttl has passed; used until their exp while the server does not answer, and never after it. */
class StatusLists {
    private record StatusList(int bits, byte[] statuses, long fetchAt, Instant expires) {
        boolean isValid(long index) {
            var perByte = 8 / bits;
            return index >= 0 && index / perByte < statuses.length
                && (statuses[(int) (index / perByte)] >> (index % perByte * bits) & (1 << bits) - 1) == 0;
        }
    }

    private final String url;
    private final NimbusJwtDecoder decoder;
    private final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();
    private final Map<String, StatusList> lists = new HashMap<>();

    StatusLists(String url) {
        this.url = url;
        decoder = NimbusJwtDecoder.withJwkSetUri(url + "/oauth2/jwks")
            .jwsAlgorithm(SignatureAlgorithm.ES256).jwsAlgorithm(SignatureAlgorithm.RS256).validateType(false).build();
    }

    /** A token without a place in a list of this server is refused. JwtException, not a BadJwtException, is answered as a failure of ours. */
    boolean isValid(Jwt token) {
        if (!(token.getClaim("status") instanceof Map<?, ?> status)
                || !(status.get("status_list") instanceof Map<?, ?> place)
                || !(place.get("uri") instanceof String uri) || !uri.startsWith(url + "/")
                || !(place.get("idx") instanceof Number number)) {
            return false;
        }
        return current(uri).isValid(number.longValue());
    }

    private synchronized StatusList current(String uri) {
        var known = lists.get(uri);
        if (known == null || System.nanoTime() - known.fetchAt >= 0) {
            try {
                known = fetch(uri);
                lists.put(uri, known);
            } catch (IOException | JwtException problem) {
                System.getLogger("status").log(System.Logger.Level.WARNING, uri, problem);
            }
        }
        if (known == null || !Instant.now().isBefore(known.expires)) {
            throw new JwtException("no status list");
        }
        return known;
    }

    private StatusList fetch(String uri) throws IOException {
        var asked = System.nanoTime();
        var token = decoder.decode(get(uri));
        Map<String, Object> packed = token.getClaimAsMap("status_list");
        if (!"statuslist+jwt".equals(token.getHeaders().get("typ")) || !uri.equals(token.getSubject())
                || token.getExpiresAt() == null || packed == null) {
            throw new IOException("not the list that was asked for");
        }
        var lst = Base64.getUrlDecoder().decode((String) packed.get("lst"));
        var statuses = new InflaterInputStream(new ByteArrayInputStream(lst)).readNBytes(1 << 22);
        var bits = ((Number) packed.get("bits")).intValue();
        long ttl = ((Number) token.getClaim("ttl")).longValue();
        return new StatusList(bits, statuses, asked + Duration.ofSeconds(ttl).toNanos(), token.getExpiresAt());
    }

    private String get(String uri) throws IOException {
        var request = HttpRequest.newBuilder(URI.create(uri)).timeout(Duration.ofSeconds(2)).build();
        try {
            var answer = http.send(request, BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IOException("the status list answers " + answer.statusCode());
            }
            return answer.body();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IOException(interrupted);
        }
    }
}
