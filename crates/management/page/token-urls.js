// The token endpoints of an application: the standard's, and those for clients that come from Entra.

import { facts } from './api.js';

/** RFC 6749. */
export const tokenUrl = () => `${location.origin}/oauth2/token`;

/** The token URLs as in Entra, below the tenant; none if no tenant is configured. */
export function entraTokenUrls() {
  const { tenant_id: tenant } = facts;
  if (!tenant) return [];
  return [
    ['v2.0', `${location.origin}/${tenant}/oauth2/v2.0/token`],
    ['v1.0', `${location.origin}/${tenant}/oauth2/token`],
  ];
}
