/** A page that is visited as somebody says so, and offers the way out. */

import { visit } from './script.js';

export function showVisitBar() {
  if (!visit) return;
  const bar = document.createElement('div'), end = document.createElement('button');
  bar.setAttribute('role', 'status');
  bar.append('You see this page as somebody else. Nothing is counted or recorded. ', end);
  end.textContent = 'Stop';
  end.onclick = () => {
    try {
      delete sessionStorage.pz_visit;
    } catch (blocked) { /* then the address alone has it */ }
    const address = new URL(location);
    address.searchParams.delete('pz_visit');
    location.replace(address);
  };
  Object.assign(bar.style, {
    position: 'fixed', inset: 'auto 0 0', zIndex: 2147483647, padding: '8px 16px', font: '14px/1.6 system-ui',
    background: '#1c1917', color: '#fff', textAlign: 'center',
  });
  document.body.append(bar);
}
