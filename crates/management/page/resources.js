// The WMDA APIs that tokens are for.

import { h, name, replace } from './dom.js';
import { get } from './api.js';
import { table } from './lists.js';

export async function resourcesView(main, { signal }) {
  document.title = 'APIs – Manage API Credentials';
  const { items } = await get('/resources', { signal });
  const list = table('APIs', ['Name', 'Environment', 'Resource id', 'Roles', 'Signed with', 'Tokens live']);
  list.fill(
    items.map((one) => [
      name(one.name),
      h('span', { class: `badge ${one.environment}` }, one.environment === 'production' ? 'Production' : 'Sandbox'),
      h('code', { class: 'small' }, one.id),
      h(
        'span',
        { class: 'codes-inline' },
        one.roles.map((role) => h('code', {}, role)),
      ),
      one.signing_algorithm ?? 'Default',
      one.token_lifetime_seconds ? `${Math.round(one.token_lifetime_seconds / 60)} min` : 'Default',
    ]),
    { empty: 'No API yet.' },
  );
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h(
        'div',
        {},
        h('h1', { tabindex: '-1' }, 'APIs'),
        h(
          'p',
          { class: 'lead' },
          'What applications can be granted. The operator adds one from the command line or over REST.',
        ),
      ),
    ),
    list,
  );
}
