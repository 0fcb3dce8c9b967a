// An API that checks tokens with jose, and their status with @sd-jwt/jwt-status-list.
import { createServer } from "node:http";
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify } from "jose";
import { getListFromStatusListJWT } from "@sd-jwt/jwt-status-list";

const { PUBLIC_URL, TENANT, AUDIENCE, ALGORITHM, ROLE, PORT } = process.env;
const types = {
  [PUBLIC_URL]: "at+jwt",
  [`${PUBLIC_URL}/${TENANT}/`]: "JWT",
  [`${PUBLIC_URL}/${TENANT}/v2.0`]: "JWT",
};
const keys = createRemoteJWKSet(new URL(`${PUBLIC_URL}/oauth2/jwks`), { cacheMaxAge: 300_000, cooldownDuration: 30_000 });
const lists = new Map();

async function claimsOf(token) {
  const { iss } = decodeJwt(token); // chooses what is expected; the signature then proves it
  if (!Object.hasOwn(types, iss)) throw new errors.JWTInvalid("unknown issuer");
  const { payload } = await jwtVerify(token, keys, {
    algorithms: [ALGORITHM], issuer: iss, typ: types[iss], audience: AUDIENCE,
    requiredClaims: ["sub", "exp", "nbf", "status"], clockTolerance: 30,
  });
  const { idx, uri } = payload.status.status_list;
  const { list } = await statusList(uri);
  if (list.getStatus(idx) !== 0) throw new errors.JWTInvalid("its secret was deleted or its application disabled");
  return payload;
}

// Read again when its ttl has passed; used until its exp while the server does not answer, and never after that.
async function statusList(uri) {
  if (!uri.startsWith(`${PUBLIC_URL}/`)) throw new errors.JWTInvalid("a foreign status list");
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

async function authorize(request) {
  const token = /^Bearer ([\w.-]+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (!token) return [401, ""];
  try {
    const claims = await claimsOf(token);
    return claims.roles?.includes(ROLE) ? [200, claims.sub] : [403, ""];
  } catch (error) {
    console.error(error.message); // the reason is for the log, not for the caller
    return [error instanceof errors.JOSEError && error.code !== "ERR_JWKS_TIMEOUT" ? 401 : 503, ""];
  }
}

createServer(async (request, answer) => {
  const [status, body] = await authorize(request);
  if (status === 401) answer.setHeader("WWW-Authenticate", "Bearer");
  answer.writeHead(status).end(body);
}).listen(Number(PORT), "127.0.0.1");
