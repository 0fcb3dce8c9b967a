// The running demo, read from WMDA_AUTH_DEMO, and the check that a downstream API would make.

import assert from 'node:assert/strict';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const described = JSON.parse(process.env.WMDA_AUTH_DEMO);

export const baseUrl = described.base_url;
export const tenantId = described.tenant_id;
export const apiUrl = described.api_url;
export const keyClients = described.key_clients;
export const [certified] = described.certificate_clients;
export const authority = `${baseUrl}/${tenantId}`;
export const metadataUrls = {
  v1: `${authority}/.well-known/openid-configuration`,
  v2: `${authority}/v2.0/.well-known/openid-configuration`,
  standard: `${baseUrl}/.well-known/openid-configuration`,
};

function clientFor(resource, algorithm) {
  const owns = (entry) => entry.resources.includes(resource) && !entry.name.startsWith('PartnerAlternative-');
  const found = described.clients.find(owns);
  assert.ok(found, `the demo has no Partner application with the resource ${resource}`);
  return { id: found.client_id, secret: found.client_secret, resource, scope: `${resource}/.default`, algorithm };
}

export const smc = clientFor('f6d78a69-c840-46a2-941b-a0e08f9296e7', 'ES256');
export const match = clientFor('fd05059b-9c9e-443c-a7e7-bc4ddfe29f5c', 'ES256');
export const dm = clientFor('4ff9e943-41d7-4430-b1cf-5502b9440601', 'RS256');
export const clients = [smc, match, dm];
export const expired = { ...smc, id: described.expired.client_id, secret: described.expired.client_secret };

/** The same client with the last character of its secret changed. */
export function withWrongSecret(client) {
  const last = client.secret.endsWith('a') ? 'b' : 'a';
  return { ...client, secret: client.secret.slice(0, -1) + last };
}

/** Validates through the JWKS that the metadata names; answers the claims. */
export async function validate(token, client, metadataUrl) {
  const metadata = await (await fetch(metadataUrl)).json();
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
    algorithms: [client.algorithm],
    audience: client.resource,
    issuer: metadata.issuer,
    requiredClaims: ['exp', 'iat', 'nbf', 'sub'],
  });
  assert.equal(payload.aud, client.resource);
  return payload;
}
