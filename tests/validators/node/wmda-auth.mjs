// Checks access tokens of wmda-auth with jose, and their status with @sd-jwt/jwt-status-list; for Express and Fastify.
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify } from "jose";
import { getListFromStatusListJWT } from "@sd-jwt/jwt-status-list";

// url: the server's address; audience: your API's resource id; algorithm: the one that it was registered with.
export function wmdaAuth({ url, tenant, audience, algorithm }) {
  const types = { [url]: "at+jwt", [`${url}/${tenant}/`]: "JWT", [`${url}/${tenant}/v2.0`]: "JWT" };
  const keys = createRemoteJWKSet(new URL(`${url}/oauth2/jwks`), { cacheMaxAge: 300_000, cooldownDuration: 30_000 });
  const lists = new Map();

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

  // The status to answer with, and the caller's claims when it is 200.
  async function authorize(header, role) {
    const token = /^Bearer ([\w.-]+)$/i.exec(header ?? "")?.[1];
    if (!token) return { status: 401 };
    try {
      const claims = await claimsOf(token);
      return claims.roles?.includes(role) ? { status: 200, claims } : { status: 403 };
    } catch (error) {
      console.error(error.message); // the reason is for the log, not for the caller
      return { status: error instanceof errors.JOSEError && error.code !== "ERR_JWKS_TIMEOUT" ? 401 : 503 };
    }
  }

  const challenge = ({ status }) => (status === 401 ? { "WWW-Authenticate": "Bearer" } : {});
  return {
    express: (role) => async (request, response, next) => {
      const outcome = await authorize(request.headers.authorization, role);
      if (outcome.status !== 200) return response.set(challenge(outcome)).sendStatus(outcome.status);
      request.caller = outcome.claims;
      next();
    },
    fastify: (role) => async (request, reply) => {
      const outcome = await authorize(request.headers.authorization, role);
      if (outcome.status !== 200) return reply.headers(challenge(outcome)).code(outcome.status).send();
      request.caller = outcome.claims;
    },
  };
}
