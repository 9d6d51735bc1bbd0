/**
 * Mutants: realistic mistakes in the code, which the tests have to notice.
 *
 * @module
 */

/** One mistake: a replacement in one file. */
export interface Mutant {
  /** The mistake, as a phrase that says what the code then does. Unique. */
  readonly name: string;
  /** The path of the file, from the top level of the project. */
  readonly file: string;
  /** The text to replace, which occurs exactly once in the file. */
  readonly find: string;
  /** The text to put in its place. */
  readonly replace: string;
  /** The tests that most likely notice: paths of files and folders. */
  readonly tests: readonly string[];
  /** Whether the simulation has to notice, without any test, in a minute. */
  readonly isSimulated?: boolean;
}

/** The part of a mutant that differs from others in the same file. */
type Mistake = Omit<Mutant, "file" | "tests"> & Partial<Mutant>;

/** Makes mutants of mistakes in one file, which has these likely tests. */
export function mutantsIn(
  file: string,
  tests: readonly string[],
  mistakes: readonly Mistake[],
): Mutant[] {
  return mistakes.map((mistake) => ({ file, tests, ...mistake }));
}

/**
 * The text of the mutant's file with the mistake.
 *
 * @throws {Error} If `find` does not occur exactly once, or `replace` changes
 * nothing.
 */
export function mutate(
  { name, file, find, replace }: Mutant,
  text: string,
): string {
  const parts = text.split(find);
  if (parts.length !== 2) {
    const count = parts.length - 1;
    throw new Error(
      `Cannot make "${name}": its text occurs ${count} times in ${file}`,
    );
  }
  if (find === replace) throw new Error(`Cannot make "${name}": no change`);
  return parts.join(replace);
}
