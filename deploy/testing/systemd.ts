/**
 * systemd, booted for a test in namespaces of its own by `boot.sh`.
 *
 * @module
 */
import { Folder } from "../../paths/running.ts";
import { Program, runProgram } from "../../tests/programs.ts";
import { pathOf } from "../../tests/scripts.ts";

/** What takes part in the boot. */
export const BOOT_PROGRAMS = ["unshare", "nsenter", "systemctl", "bash"];

/** Where the hierarchies of systemd are: version 1 (two of them), or 2. */
const HIERARCHIES = ["/systemd", "/unified", ""]
  .map((name) => `/sys/fs/cgroup${name}`);

/** Puts itself into groups that can be removed afterwards, and boots. */
const LAUNCH = `
for group in $GROUPS_OF_TEST; do echo $$ > "$group/cgroup.procs"; done
exec unshare --mount --pid --uts --ipc --cgroup --fork \\
  --kill-child=SIGKILL "$@"
`;

/** A systemd that has booted. Disposing of it ends it, and all it started. */
export class BootedSystemd implements AsyncDisposable {
  readonly #launcher: Program;
  readonly #folder: Folder;
  readonly #groups: readonly string[];
  readonly #pid: string;

  private constructor(
    launcher: Program,
    folder: Folder,
    groups: readonly string[],
    pid: string,
  ) {
    this.#launcher = launcher;
    this.#folder = folder;
    this.#groups = groups;
    this.#pid = pid;
  }

  /**
   * Boots, and starts what `test.target` requires.
   *
   * @param units The texts of the units, by their names.
   */
  static async boot(units: Record<string, string>): Promise<BootedSystemd> {
    const folder = await Folder.make();
    await Deno.mkdir(`${folder.path}/root`);
    for (const [name, text] of Object.entries(units)) {
      const file = `${folder.path}/units/${name}`;
      await Deno.mkdir(file.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(file, text);
    }
    const groups = makeGroups(folder.path.replaceAll("/", "_"));
    const launcher = new Program("bash", [
      ...["-c", LAUNCH, "bash", "bash", pathOf("deploy/testing/boot.sh")],
      ...[`${folder.path}/root`, await Deno.realPath(Deno.execPath())],
      ...[await cacheDirectory(), `${folder.path}/units`],
    ], { env: { GROUPS_OF_TEST: groups.join(" ") } });
    const pid = await firstProcess(launcher);
    return new BootedSystemd(launcher, folder, groups, pid);
  }

  /** Runs systemctl inside. */
  systemctl(...args: string[]): ReturnType<typeof runProgram> {
    return this.#run("systemctl", "--no-pager", ...args);
  }

  /** The journal of a unit. */
  async journal(unit: string): Promise<string> {
    const args = ["--no-pager", "--output=cat", `--unit=${unit}`];
    return (await this.#run("journalctl", ...args)).stdout;
  }

  #run(...command: string[]): ReturnType<typeof runProgram> {
    return runProgram("nsenter", [
      ...["--target", this.#pid, "--mount", "--pid", "--root", "--wd"],
      ...command,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#launcher.stop("SIGKILL");
    await Promise.all(this.#groups.map(removeGroup));
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Makes a group in each hierarchy; returns their directories. */
function makeGroups(name: string): string[] {
  const hierarchies = HIERARCHIES.filter((path) => {
    try {
      Deno.statSync(`${path}/cgroup.procs`);
      return true;
    } catch {
      return false;
    }
  });
  return hierarchies.map((path) => {
    const group = `${path}/recv_end${name}`;
    Deno.mkdirSync(group);
    return group;
  });
}

/** Removes a group and those in it, once their processes have ended. */
async function removeGroup(group: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    await runProgram("find", [group, "-depth", "-type", "d", "-delete"]);
    try {
      await Deno.stat(group);
    } catch {
      return;
    }
    if (attempt === 50) throw new Error(`Cannot remove ${group}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function cacheDirectory(): Promise<string> {
  const { stdout } = await runProgram(Deno.execPath(), ["info", "--json"]);
  return (JSON.parse(stdout) as { denoDir: string }).denoDir;
}

/** The first process of the new namespace: the child of the launcher. */
async function firstProcess(launcher: Program): Promise<string> {
  for (;;) {
    const { stdout } = await runProgram("pgrep", ["-P", `${launcher.pid}`]);
    if (stdout !== "") return stdout.trim();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
