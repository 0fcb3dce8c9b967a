// msal-node and @azure/identity, pointed at the tenant.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientSecretCredential } from '@azure/identity';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { authority, baseUrl, clients, expired, metadataUrls, smc, tenantId, validate, withWrongSecret } from './demo.mjs';

function byMsal(client) {
  const application = new ConfidentialClientApplication({
    auth: {
      clientId: client.id,
      clientSecret: client.secret,
      authority,
      knownAuthorities: [new URL(baseUrl).host],
    },
  });
  return application.acquireTokenByClientCredential({ scopes: [client.scope] });
}

function byAzureIdentity(client) {
  const credential = new ClientSecretCredential(tenantId, client.id, client.secret, {
    authorityHost: baseUrl,
    disableInstanceDiscovery: true,
    retryOptions: { maxRetries: 0 },
  });
  return credential.getToken(client.scope);
}

for (const client of clients) {
  test(`msal-node gets a token for ${client.resource}`, async () => {
    const answer = await byMsal(client);
    const claims = await validate(answer.accessToken, client, metadataUrls.v2);
    assert.equal(claims.azp, client.id);
  });

  test(`@azure/identity gets a token for ${client.resource}`, async () => {
    const answer = await byAzureIdentity(client);
    await validate(answer.token, client, metadataUrls.v2);
  });
}

test('msal-node reports a wrong secret', async () => {
  await assert.rejects(byMsal(withWrongSecret(smc)), (error) => {
    assert.equal(error.errorCode, 'invalid_client');
    assert.match(error.message, /AADSTS7000215/);
    return true;
  });
});

test('msal-node reports an expired secret', async () => {
  await assert.rejects(byMsal(expired), /AADSTS7000222/);
});

test('@azure/identity reports a wrong secret', async () => {
  await assert.rejects(byAzureIdentity(withWrongSecret(smc)), /AADSTS7000215/);
});

test('@azure/identity reports an expired secret', async () => {
  await assert.rejects(byAzureIdentity(expired), /AADSTS7000222/);
});
