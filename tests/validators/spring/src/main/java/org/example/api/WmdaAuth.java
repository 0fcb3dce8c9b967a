package org.example.api;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.annotation.method.configuration.EnableMethodSecurity;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.core.OAuth2Error;
import org.springframework.security.oauth2.core.OAuth2TokenValidator;
import org.springframework.security.oauth2.core.OAuth2TokenValidatorResult;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationConverter;
import org.springframework.security.oauth2.server.resource.authentication.JwtGrantedAuthoritiesConverter;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/** Checks access tokens of wmda-auth with Spring Security, from 6.5 on also those with a DPoP proof. Each authority is a role of the token. */
@Configuration
@EnableMethodSecurity
class WmdaAuth {
    @Bean
    SecurityFilterChain security(HttpSecurity http) throws Exception {
        var roles = new JwtGrantedAuthoritiesConverter();
        roles.setAuthoritiesClaimName("roles");
        roles.setAuthorityPrefix("");
        var converter = new JwtAuthenticationConverter();
        converter.setJwtGrantedAuthoritiesConverter(roles);
        return http
            .authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
            .oauth2ResourceServer(server -> server.jwt(jwt -> jwt.jwtAuthenticationConverter(converter)))
            .build();
    }

    @Bean
    JwtDecoder jwtDecoder(
            @Value("${PUBLIC_URL}") String url,
            @Value("${TENANT}") String tenant,
            @Value("${AUDIENCE}") String audience,
            @Value("${ALGORITHM}") String algorithm) {
        var types = Map.of(url, "at+jwt", url + "/" + tenant + "/", "JWT", url + "/" + tenant + "/v2.0", "JWT");
        // The type is checked below, together with the issuer.
        var decoder = NimbusJwtDecoder.withJwkSetUri(url + "/oauth2/jwks")
            .jwsAlgorithm(SignatureAlgorithm.from(algorithm)).validateType(false).build();
        decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(
            new JwtTimestampValidator(Duration.ofSeconds(30)),
            new JwtClaimValidator<Object>("exp", value -> value != null),
            new JwtClaimValidator<>("aud", List.of(audience)::equals),
            check("unknown issuer, or not an access token", jwt -> {
                var typ = types.get(jwt.getClaimAsString("iss"));
                return typ != null && typ.equals(jwt.getHeaders().get("typ"));
            }),
            check("bound to a key, and without a proof", jwt -> !jwt.hasClaim("cnf") || hasProof()),
            check("its secret was deleted or its application disabled", new StatusLists(url)::isValid)));
        return decoder;
    }

    /** Whether Spring Security checks a DPoP proof with this request's token: whether it has one, and is for this request, key and token. */
    private static boolean hasProof() {
        var attributes = (ServletRequestAttributes) RequestContextHolder.currentRequestAttributes();
        var authorization = attributes.getRequest().getHeader("Authorization");
        return authorization != null && authorization.regionMatches(true, 0, "DPoP ", 0, 5);
    }

    private static OAuth2TokenValidator<Jwt> check(String problem, java.util.function.Predicate<Jwt> good) {
        var failure = OAuth2TokenValidatorResult.failure(new OAuth2Error("invalid_token", problem, null));
        return jwt -> good.test(jwt) ? OAuth2TokenValidatorResult.success() : failure;
    }
}
