// The list of applications, each with what its manager wants to know at once.

import { add, h, name, replace } from './dom.js';
import { all, get, post } from './api.js';
import { isAdmin, manages, seesAll } from './session.js';
import { icon } from './icons.js';
import { copyButton, toast } from './notices.js';
import { field, form, input, select } from './forms.js';
import { openDialog } from './dialogs.js';
import { moreButton, searchBox } from './lists.js';
import { rotations } from './rotation.js';
import { statusBadge } from './secrets.js';

/** Above so many, the list asks for no secrets: it would ask too often. */
const WITH_SECRETS = 12;

/** Production, sandbox, both: what the application may call decides. */
export function environments(application) {
  const found = [...new Set(application.permissions.map((one) => one.environment))].sort();
  if (found.length === 0) return [h('span', { class: 'badge' }, 'No API yet')];
  return found.map((one) => h('span', { class: `badge ${one}` }, one === 'production' ? 'Production' : 'Sandbox'));
}

/** The names of the APIs, each once. */
const apiNames = (application) => [...new Set(application.permissions.map((one) => one.resource_name))].join(', ');

export async function applicationsView(main, { signal }) {
  document.title = 'Applications – Manage API Credentials';
  const first = await get('/applications', { signal });
  const list = h('div', { class: 'cards' });
  const more = h('div', {});
  let search = '';

  function show(page, fresh) {
    if (fresh) replace(list);
    add(
      list,
      page.items.map((one) => card(one, page.items.length <= WITH_SECRETS || manages(one.client_id), signal)),
    );
    if (fresh && page.items.length === 0) replace(list, empty(search));
    replace(
      more,
      moreButton(page.next, async () =>
        show(await get(`/applications?${query()}&after=${encodeURIComponent(page.next)}`, { signal }), false),
      ),
    );
  }
  const query = () => new URLSearchParams(search ? { search } : {});

  show(first, true);
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h(
        'div',
        {},
        h('h1', { tabindex: '-1' }, seesAll() ? 'Applications' : 'Your applications'),
        h('p', { class: 'lead' }, 'Each application calls the WMDA APIs with its client id and a secret.'),
      ),
      isAdmin() &&
        h(
          'button',
          { type: 'button', class: 'button primary', onclick: () => newApplication(signal) },
          icon('plus'),
          'New application',
        ),
    ),
    seesAll() &&
      searchBox('Search applications by name', async (text) => {
        search = text;
        show(await get(`/applications?${query()}`, { signal }), true);
      }),
    list,
    more,
  );
}

function empty(search) {
  if (search)
    return h('p', { class: 'panel empty' }, 'No application has ', h('strong', {}, name(search)), ' in its name.');
  return h('p', { class: 'panel empty' }, 'There is no application yet.');
}

function card(application, withSecrets, signal) {
  const summary = h('div', { class: 'card-secrets' });
  if (withSecrets) summarise(summary, application.client_id, signal);
  return h(
    'article',
    { class: 'panel card' },
    h(
      'div',
      { class: 'card-head' },
      h('h2', {}, h('a', { class: 'cover', href: `#/applications/${application.client_id}` }, application.name)),
      environments(application),
      !application.enabled && h('span', { class: 'badge danger' }, icon('stop'), 'Disabled'),
    ),
    h(
      'p',
      { class: 'muted' },
      name(application.organisation_name),
      apiNames(application) && ` · ${apiNames(application)}`,
    ),
    h(
      'p',
      { class: 'id-line' },
      h('span', { class: 'muted' }, 'Client id '),
      h('code', {}, application.client_id),
      copyButton(application.client_id, `the client id of ${application.name}`),
    ),
    summary,
    application.warnings.length > 0 &&
      h('p', { class: 'hint-line' }, icon('people'), 'Fewer than two managers can sign in.'),
  );
}

async function summarise(place, clientId, signal) {
  try {
    const secrets = await all(`/applications/${clientId}/secrets`, { signal });
    const count = secrets.length === 1 ? '1 secret' : `${secrets.length} secrets`;
    const urgent = secrets.filter((one) => one.status !== 'active').slice(0, 3);
    replace(
      place,
      h('span', { class: 'muted' }, secrets.length ? count : 'No secret yet'),
      urgent.map(statusBadge),
      rotations(secrets).length > 0 && h('span', { class: 'badge production' }, icon('rotate'), 'Rotation under way'),
    );
  } catch {
    /* The card stands without it; the application's own view says what is wrong. */
  }
}

/** The name follows WMDA's convention, so it is put together here. */
async function newApplication(signal) {
  const organisations = (await all('/organisations', { signal })).filter((one) => one.enabled);
  const owner = field(
    'Organisation',
    select(organisations.map((one) => [one.id, `${one.name} (${one.country_code})`])),
  );
  const short = field('Organisation’s name within the application’s name', input({ maxlength: 80 }), {
    advice: 'Letters and digits, no spaces: ExampleRegistry.',
  });
  const kind = field(
    'What it is for',
    select([
      ['SMC', 'SMC: Search & Match, Match-Connect'],
      ['DM', 'DM: Data Manager'],
    ]),
  );
  const alternative = h('input', { type: 'checkbox', id: 'alternative' });
  const preview = h('output', { class: 'preview' });
  const made = () => {
    const organisation = organisations.find((one) => one.id === owner.control.value);
    return `Partner${alternative.checked ? 'Alternative' : ''}-${organisation?.country_code ?? '??'}-${short.control.value || '…'}-${kind.control.value}`;
  };
  const refresh = () => {
    preview.textContent = made();
  };
  const suggest = () => {
    const organisation = organisations.find((one) => one.id === owner.control.value);
    short.control.value = (organisation?.name ?? '')
      .normalize('NFD')
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 80);
    refresh();
  };
  owner.control.addEventListener('change', suggest);
  const element = form({
    fields: [
      owner,
      short,
      kind,
      h(
        'label',
        { class: 'check' },
        alternative,
        h('span', {}, 'Alternative: works in the Match-Connect sandbox only'),
      ),
      h('p', {}, h('span', { class: 'muted' }, 'Its name will be '), preview),
    ],
    submit: 'Create application',
    cancel: () => dialog.close(),
    send: async () => {
      if (!/^[A-Za-z0-9]{1,80}$/.test(short.control.value)) {
        short.fail('Use 1 to 80 letters and digits.');
        return false;
      }
      const view = await post('/applications', { name: made(), organisation_id: owner.control.value });
      dialog.close();
      toast(`${view.name} was created.`);
      location.hash = `#/applications/${view.client_id}`;
      return true;
    },
  });
  element.addEventListener('input', refresh);
  const dialog = openDialog({ title: 'New application', body: element });
  suggest();
  owner.control.focus();
}
