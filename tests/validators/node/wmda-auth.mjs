// Checks access tokens of wmda-auth with jose, and their status with @sd-jwt/jwt-status-list; for Express and Fastify. Takes bearer
// tokens, and tokens that are bound to a key with their DPoP proof (RFC 9449).
import { createHash } from "node:crypto";
import { calculateJwkThumbprint, createRemoteJWKSet, decodeJwt, EmbeddedJWK, errors, jwtVerify } from "jose";
import { getListFromStatusListJWT } from "@sd-jwt/jwt-status-list";

const PROOF_ALGORITHMS = ["ES256", "PS256", "EdDSA"];

// url: the server's address; audience: your API's resource id; algorithm: the one that it was registered with; apiUrl: your API's own
// origin as callers know it, for proofs.
export function wmdaAuth({ url, tenant, audience, algorithm, apiUrl }) {
  const types = { [url]: "at+jwt", [`${url}/${tenant}/`]: "JWT", [`${url}/${tenant}/v2.0`]: "JWT" };
  const keys = createRemoteJWKSet(new URL(`${url}/oauth2/jwks`), { cacheMaxAge: 300_000, cooldownDuration: 30_000 });
  const lists = new Map();
  const usedProofs = new Map();

  async function claimsOf(token) {
    const { iss } = decodeJwt(token); // chooses what is expected; the signature then proves it
    if (!Object.hasOwn(types, iss)) throw new errors.JWTInvalid("unknown issuer");
    const { payload } = await jwtVerify(token, keys, {
      algorithms: [algorithm], issuer: iss, typ: types[iss], audience,
      requiredClaims: ["sub", "exp", "nbf", "status"], clockTolerance: 30,
    });
    const { idx, uri } = payload.status.status_list;
    const { list } = await statusList(uri);
    if (list.getStatus(idx) !== 0) throw new errors.JWTInvalid("its secret was deleted or its application disabled");
    return payload;
  }

  // Read again when its ttl has passed; used until its exp while the server does not answer, and never after that.
  async function statusList(uri) {
    if (!uri.startsWith(`${url}/`)) throw new errors.JWTInvalid("a foreign status list");
    let known = lists.get(uri);
    if (!(performance.now() < known?.fetchAt)) {
      try {
        lists.set(uri, (known = await fetchList(uri)));
      } catch (error) {
        if (!known) throw error;
      }
    }
    if (Date.now() >= known.exp * 1000) throw new Error("the status list is too old");
    return known;
  }

  async function fetchList(uri) {
    const asked = performance.now();
    const answer = await fetch(uri, { signal: AbortSignal.timeout(2000) });
    if (!answer.ok) throw new Error(`the status list answers ${answer.status}`);
    const jwt = await answer.text();
    const { payload } = await jwtVerify(jwt, keys, {
      algorithms: ["ES256", "RS256"], typ: "statuslist+jwt", subject: uri, requiredClaims: ["iat", "exp", "ttl"],
    });
    return { list: getListFromStatusListJWT(jwt), fetchAt: asked + payload.ttl * 1000, exp: payload.exp };
  }

  // RFC 9449 §4.3: for this request and this token, by the key that the token is bound to, and once.
  async function checkProof({ method, target, proof }, token, claims) {
    const { payload, protectedHeader } = await jwtVerify(proof ?? "", EmbeddedJWK, {
      algorithms: PROOF_ALGORITHMS, typ: "dpop+jwt", maxTokenAge: 60, clockTolerance: 15, requiredClaims: ["jti", "htm", "htu", "iat", "ath"],
    });
    const right =
      typeof payload.jti === "string" && payload.htm === method &&
      address(payload.htu) === (address(apiUrl + target) ?? "") &&
      payload.ath === createHash("sha256").update(token).digest("base64url");
    if (!right) throw new errors.JWTInvalid("the proof is for another request or token");
    const thumbprint = await calculateJwkThumbprint(protectedHeader.jwk);
    if (claims.cnf?.jkt !== thumbprint) throw new errors.JWTInvalid("the token is not bound to the proof's key");
    useOnce(`${thumbprint}.${payload.jti}`);
  }

  // Remembered for longer than a proof is accepted; the oldest come first.
  function useOnce(id) {
    const now = performance.now();
    for (const [known, until] of usedProofs) {
      if (until > now) break;
      usedProofs.delete(known);
    }
    if (usedProofs.has(id)) throw new errors.JWTInvalid("the proof was used before");
    if (usedProofs.size >= 1_000_000) throw new Error("too many proofs to remember");
    usedProofs.set(id, now + 100_000);
  }

  // The status to answer with, and the caller's claims when it is 200.
  async function authorize(request, role) {
    const [, scheme, token] = /^(Bearer|DPoP) ([\w.-]+)$/i.exec(request.authorization ?? "") ?? [];
    if (!token) return { status: 401 };
    try {
      const claims = await claimsOf(token);
      if (/^dpop$/i.test(scheme)) await checkProof(request, token, claims);
      else if (claims.cnf) throw new errors.JWTInvalid("the token is bound to a key and came without a proof");
      return claims.roles?.includes(role) ? { status: 200, claims } : { status: 403 };
    } catch (error) {
      console.error(error.message); // the reason is for the log, not for the caller
      return { status: error instanceof errors.JOSEError && error.code !== "ERR_JWKS_TIMEOUT" ? 401 : 503 };
    }
  }

  const challenges = `Bearer, DPoP algs="${PROOF_ALGORITHMS.join(" ")}"`;
  const challenge = ({ status }) => (status === 401 ? { "WWW-Authenticate": challenges } : {});
  const presented = ({ method, headers }, target) => ({ method, target, authorization: headers.authorization, proof: headers.dpop });
  return {
    // For GET /.well-known/oauth-protected-resource (RFC 9728): where callers get tokens.
    metadata: {
      resource: apiUrl, authorization_servers: [url], bearer_methods_supported: ["header"],
      dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
    },
    express: (role) => async (request, response, next) => {
      const outcome = await authorize(presented(request, request.originalUrl), role);
      if (outcome.status !== 200) return response.set(challenge(outcome)).sendStatus(outcome.status);
      request.caller = outcome.claims;
      next();
    },
    fastify: (role) => async (request, reply) => {
      const outcome = await authorize(presented(request, request.url), role);
      if (outcome.status !== 200) return reply.headers(challenge(outcome)).code(outcome.status).send();
      request.caller = outcome.claims;
    },
  };
}

// Scheme and host fold case, a default port and dots go, query and fragment don't count (RFC 9449 §4.3 point 9).
function address(text) {
  if (typeof text !== "string" || !URL.canParse(text)) return undefined;
  const { origin, pathname } = new URL(text);
  return origin + pathname;
}
