/** Entry: small enough for every page; maps and charts are fetched only where one stands. */

import './styles/portal.css';
import { EcBox } from './box';
import { EcChart } from './chart/element';
import { EcMap } from './map/element';
import { EcUpload } from './upload';
import { listen } from './why';

customElements.define('ec-map', EcMap);
customElements.define('ec-chart', EcChart);
customElements.define('ec-box', EcBox);
customElements.define('ec-upload', EcUpload);
listen(document);
