import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const ROOT = new URL('../..', import.meta.url).pathname

/** The demo as `kull-sync dev` serves it: the built app with broker, functions and bridge. */
export class DemoStack {
  readonly url: string
  readonly #process: ChildProcessWithoutNullStreams

  private constructor(url: string, process: ChildProcessWithoutNullStreams) {
    this.url = url
    this.#process = process
  }

  static async start(): Promise<DemoStack> {
    const python = process.env.PYTHON ?? `${ROOT}.venv/bin/python`
    const child = spawn(python, ['-m', 'web.e2e.demo_stack'], { cwd: ROOT })
    let log = ''
    child.stderr.on('data', (data) => {
      log += data
    })
    const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
    // What it says once it is ready contains tokens; what it says before does not.
    if (first.done) throw new Error(`kull-sync dev did not start; is the demo built?\n${log}`)
    return new DemoStack(first.value, child)
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('close', resolve))
    this.#process.stdin.end()
    await ended
  }
}
