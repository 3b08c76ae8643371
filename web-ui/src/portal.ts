/** Entry: small enough for every page; maps and charts are fetched only where one stands. */

import './styles/portal.css';
import { EcChart } from './chart/element';
import { EcMap } from './map/element';
import { listen } from './why';

customElements.define('ec-map', EcMap);
customElements.define('ec-chart', EcChart);
listen(document);
