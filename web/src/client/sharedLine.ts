import { GOODBYE_TIMEOUT } from './attachment.ts'
import { sleep } from './clock.ts'
import { Connection } from './connection.ts'
import type { SyncError } from './errors.ts'
import { History, type Origin } from './history.ts'
import type { Identity, Line, LineEvents, UplinkMessage } from './line.ts'
import { type Note, plainError, plainState, readError, readState } from './notes.ts'
import type { Settings } from './options.ts'
import { CONNECTING, IDLE, type NewState } from './state.ts'
import type { Channel, Tabs, Term } from './tabs.ts'

/** Milliseconds that a leader may leave a visible tab unanswered. */
const ANSWER_TIMEOUT = 2000
/** Milliseconds between two questions of a visible tab. */
const ASK_EVERY = 5000
/** Of what the tabs say to each other. */
const VERSION = 1

/**
 * One connection for all tabs of a browser. One tab leads: it holds the connection and passes on what it hears,
 * before the broker is told that it arrived. The others follow, and one of them takes over, in the same broker
 * session, when the leader is closed, crashes, or is frozen and leaves a visible tab without an answer.
 */
export class SharedLine implements Line {
  readonly #settings: Settings
  readonly #deviceId: string
  readonly #tabs: Tabs
  readonly #events: LineEvents
  readonly #history: History
  readonly #name: string
  #running: AbortController | null = null
  #channel: Channel | null = null
  /** While this tab leads. */
  #connection: Connection | null = null
  #stepDown: () => void = () => undefined
  /** Ends the wait for the leader's goodbye. */
  #leaderGone: () => void = () => undefined
  #withdraw: () => void = () => undefined
  /** It is known what the leader knows. */
  #welcomed = false
  #stopping = false
  #state: NewState = IDLE
  #identity: Identity | null = null
  #origin: Origin | null = null
  /** Takes the lead when nothing is heard of the leader. */
  #cancelSteal: (() => void) | null = null

  constructor(settings: Settings, deviceId: string, tabs: Tabs, events: LineEvents) {
    this.#settings = settings
    this.#deviceId = deviceId
    this.#tabs = tabs
    this.#events = events
    this.#history = new History(settings.storage, deviceId)
    this.#name = `kull-sync:${VERSION}:${deviceId}:${settings.tabGroup}`
  }

  start(): void {
    const running = new AbortController()
    const { signal } = running
    this.#running = running
    this.#channel = this.#tabs.channel(this.#name, (note) => this.#hear(note as Note))
    const undo = this.#settings.page.onWake(() => {
      // A leader wakes by itself; from a tab that is back the leader, which may be hidden, has to hear it.
      if (this.#connection === null) this.wake()
      this.#ask()
    })
    signal.addEventListener('abort', undo)
    this.#take({ kind: 'state', state: CONNECTING })
    this.#post({ kind: 'join' })
    this.#campaign(false)
    void this.#keepAsking(signal)
  }

  async stop(reason: 'closed' | 'signed-out'): Promise<void> {
    const connection = this.#connection
    const ended: NewState = reason === 'closed' ? IDLE : { status: 'disconnected', reason, error: null }
    this.#stopping = true
    if (reason === 'signed-out') this.#post({ kind: 'sign-out' })
    if (connection === null && reason === 'signed-out' && this.#welcomed) return this.#awaitGoodbye(ended)
    // Without the lead it is the leader that says goodbye, or that goes on for the tabs that stay.
    if (connection !== null && reason === 'closed' && (await this.#tabs.awaited(this.#name)))
      connection.handOver()
    else await connection?.stop(reason)
    this.#finish(ended)
  }

  /** Leaves at once, but for the ear: the app may close all tabs then, and with them the one that says goodbye. */
  async #awaitGoodbye(ended: NewState): Promise<void> {
    const channel = this.#channel
    this.#channel = null
    this.#finish(ended)
    const waiting = new AbortController()
    this.#leaderGone = () => waiting.abort()
    await sleep(this.#settings.clock, GOODBYE_TIMEOUT, waiting.signal)
    channel?.close()
  }

  wake(): void {
    if (this.#connection === null) this.#post({ kind: 'wake' })
    else this.#connection.wake()
  }

  async publish(message: UplinkMessage): Promise<void> {
    if (this.#connection === null) this.#post({ kind: 'publish', message })
    else await this.#connection.publish(message)
  }

  /** Waits to lead, or takes the lead from one that does not answer. */
  #campaign(steal: boolean): void {
    if (this.#running === null) return
    const { signal } = this.#running
    this.#withdraw()
    const waiting = new AbortController()
    this.#withdraw = () => waiting.abort()
    signal.addEventListener('abort', this.#withdraw)
    void this.#tabs.lead(this.#name, steal, waiting.signal, (term) => this.#lead(term, signal))
  }

  async #lead({ lost, stillLeads }: Term, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    this.#cancelSteal?.()
    this.#cancelSteal = null
    const stepDown = () => {
      if (this.#connection !== connection) return
      this.#connection = null
      connection.handOver()
      this.#post({ kind: 'join' })
      this.#campaign(false)
    }
    const connection = new Connection(
      this.#settings,
      { id: this.#deviceId, ephemeral: false },
      this.#telling(() => this.#connection === connection),
      {
        history: this.#history,
        identity: this.#identity,
        resumed: this.#state.status === 'connected',
        mayConnect: async () => {
          const may = await stillLeads()
          if (!may) stepDown()
          return may
        },
      },
    )
    this.#connection = connection
    this.#introduce()
    connection.start()
    await new Promise<void>((resolve) => {
      this.#stepDown = resolve
      lost.addEventListener('abort', stepDown)
    })
  }

  /** What the connection tells this tab it tells all. First the others: then it may be acknowledged. */
  #telling(leads: () => boolean): LineEvents {
    const tell = (note: Note) => {
      if (!leads()) return
      this.#post(note)
      this.#take(note)
    }
    return {
      state: (state) => tell({ kind: 'state', state: plainState(state) }),
      identity: (identity) => tell({ kind: 'identity', identity }),
      message: (message, delivery) => tell({ kind: 'message', message, delivery }),
      resync: (cause) => tell({ kind: 'resync', cause }),
      ready: (origin) => tell({ kind: 'ready', origin }),
      report: (error) => tell({ kind: 'report', error: plainError(error) }),
    }
  }

  #introduce(): void {
    this.#post({
      kind: 'lead',
      state: plainState(this.#state),
      identity: this.#identity,
      origin: this.#origin,
    })
  }

  #post(note: Note): void {
    this.#channel?.post(note)
  }

  #hear(note: Note): void {
    if (note.kind === 'gone') this.#leaderGone()
    if (this.#channel === null) return
    const connection = this.#connection
    switch (note.kind) {
      case 'join':
        if (connection === null) return
        this.#introduce()
        // Brings the retained present, to the new tab too.
        connection.wake()
        break
      case 'ask':
        if (connection !== null) this.#post({ kind: 'here' })
        break
      case 'wake':
        connection?.wake()
        break
      case 'publish':
        // What is not acknowledged is sent again by the tab that it comes from.
        connection?.publish(note.message).catch((error: SyncError) => {
          if (!error.retryable) this.#events.report(error)
        })
        break
      case 'sign-out':
        void this.#signedOut()
        break
      default:
        // One that was frozen, and does not know yet that it leads no more, is not listened to.
        if (connection === null) this.#take(note)
    }
  }

  /** Another tab signs the user out. */
  async #signedOut(): Promise<void> {
    this.#stopping = true
    await this.#connection?.stop('signed-out')
    if (this.#connection !== null) this.#post({ kind: 'gone' })
    this.#finish({ status: 'disconnected', reason: 'signed-out', error: null })
  }

  /** A visible tab does not put up with a leader that is frozen. */
  #ask(): void {
    const { page, clock } = this.#settings
    if (this.#connection !== null || !page.visible) return
    this.#post({ kind: 'ask' })
    this.#cancelSteal ??= clock.after(ANSWER_TIMEOUT, () => {
      this.#cancelSteal = null
      if (page.visible) this.#campaign(true)
    })
  }

  async #keepAsking(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#settings.clock, ASK_EVERY, signal)
      if (!signal.aborted) this.#ask()
    }
  }

  #finish(state: NewState): void {
    this.#cancelSteal?.()
    this.#cancelSteal = null
    this.#running?.abort()
    this.#running = null
    this.#connection = null
    this.#channel?.close()
    this.#channel = null
    this.#stepDown()
    this.#events.state(state)
  }

  #take(note: Note): void {
    this.#cancelSteal?.()
    this.#cancelSteal = null
    switch (note.kind) {
      case 'lead': {
        const isNew = !this.#welcomed
        this.#welcomed = true
        if (note.identity !== null) this.#take({ kind: 'identity', identity: note.identity })
        this.#take({ kind: 'state', state: note.state })
        if (note.origin !== null) this.#take({ kind: 'ready', origin: note.origin })
        if (isNew) this.#events.resync('foreign-session')
        break
      }
      case 'state':
        this.#takeState(readState(note.state))
        break
      case 'identity':
        this.#identity = note.identity
        this.#events.identity(note.identity)
        break
      case 'message':
        this.#events.message(note.message, note.delivery)
        break
      case 'resync':
        this.#events.resync(note.cause)
        break
      case 'ready':
        this.#welcomed = true
        this.#origin = note.origin
        this.#history.adopt(note.origin)
        this.#events.ready(note.origin)
        break
      case 'report':
        this.#events.report(readError(note.error))
        break
      default:
    }
  }

  #takeState(state: NewState): void {
    // A tab that just leaves takes nobody with it.
    if (state.status === 'disconnected' && state.reason === 'idle') return
    this.#state = state
    if (state.status === 'disconnected' && !this.#stopping) this.#finish(state)
    else this.#events.state(state)
  }
}
