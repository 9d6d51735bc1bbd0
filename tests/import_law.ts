/**
 * The import law: which modules a module may import. Imports point down this
 * list; neighbours do not know each other.
 *
 *     cli/
 *     check/  page/
 *     mod.ts
 *     recv_end.ts  server.ts  client.ts
 *     server/  client/
 *     framing/
 *
 * @module
 */

/** A module that another one names. */
export interface Import {
  /** The path from the project's directory, or the bare specifier. */
  readonly target: string;
  /** Whether the module graph shows it: an import or export statement. */
  readonly isStatic: boolean;
}

/** What the modules of a folder, or one module, may import. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "framing/": ["framing/"],
  "server/": ["server/", "framing/"],
  "client/": ["client/", "framing/"],
  "recv_end.ts": ["framing/"],
  "server.ts": ["server/", "framing/"],
  "client.ts": ["client/", "framing/"],
  "mod.ts": [
    ...["recv_end.ts", "server.ts", "client.ts"],
    ...["server/", "client/", "framing/"],
  ],
  "check/": ["check/", "client.ts", "client/", "framing/"],
  "page/": [
    ...["page/", "server.ts", "client.ts"],
    ...["server/", "client/", "framing/"],
  ],
  "cli/": [
    ...["cli/", "check/", "page/"],
    ...["mod.ts", "recv_end.ts", "server.ts", "client.ts"],
    ...["server/", "client/", "framing/", "deno.json"],
  ],
};

/** What each script loads when it is run, hidden from the module graph. */
const SCRIPT_PARTS: Record<string, string> = {
  "server.ts": "cli/server_script.ts",
  "client.ts": "cli/client_script.ts",
};

/** The names that users of the library map: `@std/cli` is not one of them. */
const LIBRARY_PACKAGES = ["@std/bytes"];

/** Whether the law says anything about a module. Tests import what they test. */
export function isUnderLaw(path: string): boolean {
  return ruleOf(path) !== undefined && !path.endsWith("_test.ts");
}

/** The modules that break the law, by their sources. */
export function violationsOf(
  sources: ReadonlyMap<string, string>,
): string[] {
  return [...sources].flatMap(([path, source]) =>
    importsOf(path, source)
      .filter((imported) => !isAllowed(path, imported))
      .map(({ target }) => `${path} imports ${target}`)
  );
}

/**
 * What a module imports: in import and export statements, types included, and
 * by any other text that is a relative path of a module.
 */
export function importsOf(path: string, source: string): Import[] {
  const code = withoutComments(source);
  const inStatements = [
    ...code.matchAll(/^(?:import|export)\b[^;"]*?\bfrom\s*"([^"]+)"/gm),
    ...code.matchAll(/^import\s*"([^"]+)"/gm),
  ];
  const elsewhere = [
    ...code.matchAll(/\bimport\(\s*["'`]([^"'`]+)["'`]/g),
    ...code.matchAll(/["'`](\.{1,2}\/[^"'`\s]+\.(?:ts|js|mjs|json))["'`]/g),
  ];
  const imports = new Map<string, Import>();
  for (
    const [matches, isStatic] of [[elsewhere, false], [
      inStatements,
      true,
    ]] as const
  ) {
    for (const [, specifier = ""] of matches) {
      const target = targetOf(path, specifier);
      imports.set(target, { target, isStatic });
    }
  }
  return [...imports.values()];
}

function withoutComments(source: string): string {
  return source.replaceAll(/^\s*\/\*[^]*?\*\/|(?:^|\s)\/\/.*$/gm, "");
}

function targetOf(path: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

function ruleOf(path: string): readonly string[] | undefined {
  return MAY_IMPORT[path] ?? MAY_IMPORT[path.replace(/(?<=\/).*/, "")];
}

function isAllowed(path: string, { target, isStatic }: Import): boolean {
  const isLocal = /^[\w/]+\.\w+$/.test(target);
  if (!isLocal) {
    return path.startsWith("cli/") || target.startsWith("node:") ||
      LIBRARY_PACKAGES.includes(target);
  }
  if (!isStatic && SCRIPT_PARTS[path] === target) return true;
  const rule = ruleOf(path) ?? [];
  return rule.some((allowed) =>
    allowed.endsWith("/") ? target.startsWith(allowed) : target === allowed
  );
}
