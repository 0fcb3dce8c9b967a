// The texts of the page in the reader's language: one module per language, of which one is loaded.

const LANGUAGES = {
  en: { name: 'English', region: 'en-GB', load: () => import('./text-en.js') },
  nl: { name: 'Nederlands', region: 'nl-NL', load: () => import('./text-nl.js') },
};
const KEPT = 'wmda-auth-language';

/** The language chosen with the switch; a browser may refuse to store it. */
function chosen() {
  try {
    const kept = localStorage.getItem(KEPT);
    return Object.hasOwn(LANGUAGES, kept) ? kept : null;
  } catch {
    return null;
  }
}

const primary = (tag) => tag.split('-')[0].toLowerCase();

/** The language of the page: the chosen one, or the first of the browser's that is available. */
export const language =
  chosen() ?? navigator.languages.map(primary).find((one) => Object.hasOwn(LANGUAGES, one)) ?? 'en';

/** The locale of dates and numbers: the reader's region, if its language is that of the page. */
export const locale =
  navigator.languages.find((one) => one.includes('-') && primary(one) === language) ?? LANGUAGES[language].region;

/** All texts, by view. */
export const t = (await LANGUAGES[language].load()).default;

/** The available languages: code and native name. */
export const languages = Object.entries(LANGUAGES).map(([code, { name }]) => [code, name]);

/** Switches the language, for this browser, and reloads the page. */
export function speak(code) {
  try {
    localStorage.setItem(KEPT, code);
  } catch {
    /* Then it is asked again the next time. */
  }
  location.reload();
}

/** Sets the title of the browser's tab. */
export function titled(view) {
  document.title = view === t.product ? view : `${view} – ${t.product}`;
}

document.documentElement.lang = language;
