/**
 * The layout of the project: flat folders, files and a top level of limited
 * size.
 *
 * @module
 */

/** The folders of the library and its scripts. They have no folders. */
export const FLAT_FOLDERS: readonly string[] = [
  ...["framing/", "server/", "client/", "check/", "page/", "cli/"],
];

/** The longest module, in lines. */
const MAX_LINES = 350;

/** The largest top level, in entries. */
const MAX_ENTRIES = 25;

/** What breaks the layout, by the texts of all files by their paths. */
export function layoutFaultsOf(files: ReadonlyMap<string, string>): string[] {
  const paths = [...files.keys()];
  const nested = paths.filter((path) =>
    FLAT_FOLDERS.some((folder) =>
      path.startsWith(folder) && path.slice(folder.length).includes("/")
    )
  );
  const long = [...files].filter(([path, text]) =>
    /\.[jt]s$/.test(path) && text.trimEnd().split("\n").length > MAX_LINES
  );
  const top = new Set(paths.map((path) => path.replace(/\/.*/, "")));
  return [
    ...nested.map((path) => `${path} is in a folder of a flat folder`),
    ...long.map(([path]) => `${path} has more than ${MAX_LINES} lines`),
    ...(top.size > MAX_ENTRIES
      ? [`the top level has ${top.size} entries`]
      : []),
  ];
}
