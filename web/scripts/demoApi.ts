/** The demo's backend, called from outside a browser. */
export class DemoApi {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** Calls it as a user. */
  async as(userId: string, method: string, path: string, body?: object): Promise<unknown> {
    return this.call(method, path, await this.token({ userId }), body)
  }

  /** Tells the devices how a shoot stands, as a worker does. */
  async progress(userId: string, shootId: string, state: object): Promise<void> {
    const token = await this.token({ service: 'worker', scopes: ['sync:publish'] })
    const { run } = (await this.as(userId, 'GET', `/demo/api/shoots/${shootId}`)) as { run: number }
    await this.call('POST', '/api/sync/shoot-progress', token, { userId, shootId, run: run + 1, ...state })
  }

  /** The demo's data as at its start, and nothing left of devices that there were. */
  async beginAnew(): Promise<void> {
    await this.as('ada', 'POST', '/demo/api/reset')
    const token = await this.token({ service: 'cleaner', scopes: ['sync:erase'] })
    for (const user of ['ada', 'bob']) await this.call('DELETE', `/api/sync/users/${user}`, token)
  }

  async token(subject: object): Promise<string> {
    const { token } = (await this.call('POST', '/demo/api/tokens', null, subject)) as { token: string }
    return token
  }

  async call(method: string, path: string, token: string | null, body?: object): Promise<unknown> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        ...(token !== null && { Authorization: `Bearer ${token}` }),
        ...(body && { 'Content-Type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`)
    return response.status === 204 ? null : response.json()
  }
}
