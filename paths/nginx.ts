/**
 * nginx as a TCP proxy.
 *
 * @module
 */
import {
  type Need,
  type OpenPath,
  openPath,
  type Path,
  programFile,
} from "./path.ts";
import { Folder, freePort, Running } from "./running.ts";

const NGINX: Need = { file: "nginx", debian: "nginx" };

/** The stream module, which Debian has in a package of its own. */
const STREAM: Need = {
  file: "/usr/lib/nginx/modules/ngx_stream_module.so",
  debian: "libnginx-mod-stream",
};

const COMMON = {
  program: "nginx stream",
  manual: "nginx, module ngx_stream_proxy_module, `proxy_half_close`",
  needs: [NGINX, STREAM],
  version: {
    name: "nginx",
    program: NGINX,
    flag: "-v",
    pattern: /nginx\/(\S+)/,
  },
} as const;

/** nginx stream by default, and with `proxy_half_close`. */
export const nginxPaths: readonly Path[] = [
  {
    ...COMMON,
    id: "nginx",
    setting: "`proxy_half_close off` (default)",
    means: "When the client half-closes, nginx closes both connections, in " +
      "both directions. The reply of a quick server may arrive before that.",
    remedy: "`proxy_half_close on`.",
    chance: { quick: ["half-close before"] },
    start: (serverPort) => startNginx(serverPort, "off"),
  },
  {
    ...COMMON,
    id: "nginx-half-close",
    setting: "`proxy_half_close on`",
    means: "Each direction ends separately. The directive exists since " +
      "nginx 1.21.4.",
    start: (serverPort) => startNginx(serverPort, "on"),
  },
];

async function startNginx(
  serverPort: number,
  halfClose: "on" | "off",
): Promise<OpenPath> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await Folder.make());
  const port = freePort();
  const config = await folder.write(
    "nginx.conf",
    `
load_module ${STREAM.file};
daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
events {}
stream {
  server {
    listen 127.0.0.1:${port};
    proxy_pass 127.0.0.1:${serverPort};
    proxy_half_close ${halfClose};
  }
}
`,
  );
  const args = ["-p", folder.path, "-e", "stderr", "-c", config];
  const nginx = resources.use(new Running(programFile(NGINX), args));
  // The line comes after nginx listens.
  await nginx.prints(/using the "\w+" event method/);
  return openPath(port, resources);
}
