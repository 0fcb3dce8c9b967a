// The addresses at which an application asks for tokens: the standard's, and those of clients that come from Entra.

import { facts } from './api.js';

/** RFC 6749. */
export const tokenUrl = () => `${location.origin}/oauth2/token`;

/** As Entra names them, below the tenant; none where no tenant is configured. */
export function entraTokenUrls() {
  const { tenant_id: tenant } = facts;
  if (!tenant) return [];
  return [
    ['v2.0', `${location.origin}/${tenant}/oauth2/v2.0/token`],
    ['v1.0', `${location.origin}/${tenant}/oauth2/token`],
  ];
}
