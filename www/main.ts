import './style.css';
import './components/app';
import { boot } from './actions';
import { store } from './store';
import { readLink, writeLink } from './url';

const WRITE_DELAY_MS = 300;
let timer: ReturnType<typeof setTimeout> | undefined;
let written = '';

/** The address follows the experiment, a moment after it has come to rest. */
function followState(): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const link = writeLink(store.state);
    if (!link || link === written || store.state.training) return;
    written = link;
    history.replaceState(null, '', `${location.pathname}${link}${location.hash}`);
  }, WRITE_DELAY_MS);
}

await boot(readLink(location.search));
followState();
store.subscribe(followState);
