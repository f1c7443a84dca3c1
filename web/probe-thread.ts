/** The worker that tries the graphics card. */
import { serveProbe } from '../src/platform/web/device-probe.ts';

serveProbe(self);
