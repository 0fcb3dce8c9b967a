// Clients without a shared secret: certificates with msal-node and @azure/identity, keys and DPoP with openid-client.

import assert from 'node:assert/strict';
import { X509Certificate, createHash, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ClientCertificateCredential } from '@azure/identity';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { importJWK } from 'jose';
import * as openid from 'openid-client';
import { apiUrl, authority, baseUrl, certified, keyClients, metadataUrls, tenantId, validate } from './demo.mjs';

const [key, certificate] = [certified.key_file, certified.certificate_file].map((file) => readFileSync(file, 'utf8'));
const hex = (algorithm) => createHash(algorithm).update(new X509Certificate(certificate).raw).digest('hex');
const search = { resource: certified.resources[0], scope: `${certified.resources[0]}/.default`, algorithm: 'ES256' };
const strangersKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
});

function byMsal(clientCertificate) {
  const application = new ConfidentialClientApplication({
    auth: { clientId: certified.client_id, clientCertificate, authority, knownAuthorities: [new URL(baseUrl).host] },
  });
  return application.acquireTokenByClientCredential({ scopes: [search.scope] });
}

function byAzureIdentity(pem, options = {}) {
  const credential = new ClientCertificateCredential(tenantId, certified.client_id, { certificate: pem }, {
    authorityHost: baseUrl,
    disableInstanceDiscovery: true,
    retryOptions: { maxRetries: 0 },
    ...options,
  });
  return credential.getToken(search.scope);
}

const certificates = {
  'SHA-256': { thumbprintSha256: hex('sha256'), privateKey: key },
  'SHA-256 and the chain': { thumbprintSha256: hex('sha256'), privateKey: key, x5c: certificate },
  'SHA-1': { thumbprint: hex('sha1'), privateKey: key },
};

for (const [name, given] of Object.entries(certificates)) {
  test(`msal-node gets a token by a certificate, named by ${name}`, async () => {
    const answer = await byMsal(given);
    const claims = await validate(answer.accessToken, search, metadataUrls.v2);
    assert.deepEqual([claims.azp, claims.azpacr], [certified.client_id, '2']);
  });
}

test('msal-node reports an unknown certificate and a signature by another key', async () => {
  const unknown = { thumbprintSha256: '00'.repeat(32), privateKey: key };
  const foreign = { thumbprintSha256: hex('sha256'), privateKey: strangersKey };
  for (const given of [unknown, foreign, unknown]) {
    await assert.rejects(byMsal(given), (error) => {
      assert.equal(error.errorCode, 'invalid_client');
      assert.match(error.message, /AADSTS700027/);
      return true;
    });
  }
});

for (const sendCertificateChain of [false, true]) {
  test(`@azure/identity gets a token by a certificate, its chain sent: ${sendCertificateChain}`, async () => {
    const answer = await byAzureIdentity(key + certificate, { sendCertificateChain });
    await validate(answer.token, search, metadataUrls.v2);
  });
}

test('@azure/identity reports a signature by another key', async () => {
  await assert.rejects(byAzureIdentity(strangersKey + certificate), /AADSTS700027/);
});

async function found(client) {
  const secret = { key: await importJWK(client.jwk, client.alg), kid: client.kid };
  return openid.discovery(new URL(baseUrl), client.client_id, undefined, openid.PrivateKeyJwt(secret));
}

const asking = (client) => ({ resource: client.resources[0] });

for (const client of keyClients.filter((one) => one.profile === 'standard')) {
  test(`openid-client gets a token by a key for ${client.alg}`, async () => {
    const answer = await openid.clientCredentialsGrant(await found(client), asking(client));
    assert.equal(answer.token_type, 'bearer');
    const claims = await validate(answer.access_token, { ...search, resource: client.resources[0] }, metadataUrls.standard);
    assert.equal(claims.client_id, client.client_id);
  });
}

for (const client of keyClients.filter((one) => one.profile === 'fapi2')) {
  for (const alg of ['ES256', 'PS256', 'Ed25519']) {
    test(`openid-client gets a token by ${client.alg}, bound by DPoP with ${alg}, and calls the API with it`, async () => {
      const configuration = await found(client);
      const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair(alg));
      const answer = await openid.clientCredentialsGrant(configuration, asking(client), { DPoP });
      assert.equal(answer.token_type, 'dpop');
      const api = new URL(apiUrl);
      const called = await openid.fetchProtectedResource(configuration, answer.access_token, api, 'GET', null, undefined, {
        DPoP,
      });
      assert.equal((await called.json()).client_id, client.client_id);
      await assert.rejects(
        openid.fetchProtectedResource(configuration, answer.access_token, api, 'GET'),
        (error) => error.status === 401 && error.cause.some((one) => one.scheme === 'dpop'),
        'a bound token is no bearer token',
      );
      const other = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair(alg));
      await assert.rejects(
        openid.fetchProtectedResource(configuration, answer.access_token, api, 'GET', null, undefined, { DPoP: other }),
        (error) => error.status === 401,
        'and no other key may present it',
      );
    });
  }

  test(`openid-client without DPoP gets no token by ${client.alg} where the profile demands it`, async () => {
    const granting = openid.clientCredentialsGrant(await found(client), asking(client));
    await assert.rejects(granting, (error) => error.error === 'invalid_dpop_proof' && error.status === 400);
  });
}

test("openid-client with another client's key is refused", async () => {
  const [client, other] = keyClients.filter((one) => one.alg === 'ES256');
  const configuration = await found({ ...other, client_id: client.client_id });
  await assert.rejects(openid.clientCredentialsGrant(configuration, asking(client)), (error) => error.status === 401);
});
