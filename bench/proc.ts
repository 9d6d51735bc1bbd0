/**
 * Figures of a process and of the machine, from Linux's /proc.
 *
 * @module
 */

/** An amount of memory in /proc/PID/status, in bytes. */
function memory(pid: number, name: string): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m")
    .exec(status) ?? [];
  if (kilobytes === undefined) throw new Error(`Cannot find ${name} of ${pid}`);
  return 1024 * Number(kilobytes);
}

/** Resident memory of a process, in bytes. */
export function residentMemory(pid: number): number {
  return memory(pid, "VmRSS");
}

/** Peak of the resident memory since the start or {@linkcode resetPeak}. */
export function peakMemory(pid: number): number {
  return memory(pid, "VmHWM");
}

/** Resets the peak of the resident memory. */
export function resetPeak(pid: number): void {
  Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** The number of file descriptors of a process. */
export function openFiles(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** The cores that this process may use. */
export function allowedCores(): number[] {
  const status = Deno.readTextFileSync("/proc/self/status");
  const [, list = ""] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status) ?? [];
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** The name of the processor and the number of its cores. */
export function processor(): string {
  const info = Deno.readTextFileSync("/proc/cpuinfo");
  const name = /^model name\s*:\s*(.+)$/m.exec(info)?.[1] ?? Deno.build.arch;
  const cores = navigator.hardwareConcurrency;
  return `${name}, ${cores} ${cores === 1 ? "core" : "cores"}`;
}

/** The load average of the last minute. */
export function loadAverage(): number {
  const [lastMinute = NaN] = Deno.loadavg();
  return lastMinute;
}
