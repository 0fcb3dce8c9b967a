// openid-client: discovery at the base address, then client credentials with both ways to send the secret.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { baseUrl, clients, expired, metadataUrls, smc, validate, withWrongSecret } from './demo.mjs';

const methods = {
  client_secret_basic: openid.ClientSecretBasic,
  client_secret_post: openid.ClientSecretPost,
};

async function grant(client, authentication) {
  const found = await openid.discovery(new URL(baseUrl), client.id, undefined, authentication(client.secret));
  return openid.clientCredentialsGrant(found, { resource: client.resource });
}

/** openid-client stops at a 401's WWW-Authenticate header, when there is one, and leaves the body unread. */
async function assertInvalidClient(granting) {
  const error = await granting.then(() => assert.fail('a token was issued'), (refusal) => refusal);
  assert.equal(error.status, 401, error);
  const body = error instanceof openid.WWWAuthenticateChallengeError ? await error.response.json() : error;
  assert.equal(body.error, 'invalid_client');
}

for (const [name, authentication] of Object.entries(methods)) {
  for (const client of clients) {
    test(`${name} gets a token for ${client.resource}`, async () => {
      const answer = await grant(client, authentication);
      assert.equal(answer.token_type, 'bearer');
      assert.equal(typeof answer.expires_in, 'number');
      const claims = await validate(answer.access_token, client, metadataUrls.standard);
      assert.equal(claims.client_id, client.id);
    });
  }

  test(`${name} with a wrong secret is refused`, async () => {
    await assertInvalidClient(grant(withWrongSecret(smc), authentication));
  });

  test(`${name} with an expired secret is refused`, async () => {
    await assertInvalidClient(grant(expired, authentication));
  });
}
