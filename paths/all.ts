/**
 * The paths that are measured, in the order of the page.
 *
 * @module
 */
import { directPath } from "./direct.ts";
import { haproxyPaths } from "./haproxy.ts";
import { nginxPaths } from "./nginx.ts";
import type { Path } from "./path.ts";
import { denoPaths, nodePaths } from "./pipes.ts";
import { ncatPath, socatPaths } from "./tools.ts";
import { sshPath, stunnelPaths } from "./tunnels.ts";

/** The paths. */
export const PATHS: readonly Path[] = [
  directPath,
  ...nginxPaths,
  ...haproxyPaths,
  ...socatPaths,
  ncatPath,
  ...nodePaths,
  ...denoPaths,
  ...stunnelPaths,
  sshPath,
];
