/** What every page of the Studio does: one module per behaviour, each bound to elements by a data attribute. */

import './confirm.js';
import './dismiss.js';
import './menu.js';
import './palette.js';
import './presence.js';
import './pulse.js';
import './refresh.js';
import './shortcuts.js';
import './theme.js';
import './unsaved.js';
