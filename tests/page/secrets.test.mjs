// One process, one browser, one sample admin: codes of an authenticator work once, so the files run one after another.

import './serving.mjs';
import './texts.mjs';
import './secrets.mjs';
import './keeping.mjs';
import './days.mjs';
import './rotation.mjs';
import './credentials.mjs';
import './states.mjs';
