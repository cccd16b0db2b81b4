import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'vite'

const HERE = import.meta.dirname

/** The test page, built as an app builds it, on an origin of its own, with the functions under /api. */
export class AppServer {
  readonly url: string
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** `csp` is the page's Content-Security-Policy. */
  static async start(functions: string, csp: string): Promise<AppServer> {
    const files = await buildApp()
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost')
      const file = files.get(pathname === '/' ? '/index.html' : pathname)
      if (pathname.startsWith('/api/')) void forward(functions, request, response)
      else if (file === undefined) response.writeHead(404).end()
      else
        response
          .writeHead(200, { 'Content-Type': file.type, 'Content-Security-Policy': csp })
          .end(file.content)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new AppServer(server)
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

interface Built {
  readonly type: string
  readonly content: string | Uint8Array
}

async function buildApp(): Promise<ReadonlyMap<string, Built>> {
  const built = await build({
    root: `${HERE}/app`,
    configFile: false,
    logLevel: 'error',
    resolve: {
      alias: {
        '@kull/sync/components': `${HERE}/../dist/components.js`,
        '@kull/sync/react': `${HERE}/../dist/react.js`,
        '@kull/sync': `${HERE}/../dist/index.js`,
      },
    },
    build: { write: false, modulePreload: false },
  })
  const files = new Map<string, Built>()
  for (const file of [built].flat().flatMap((result) => ('output' in result ? result.output : []))) {
    const content = file.type === 'chunk' ? file.code : file.source
    const type = file.fileName.endsWith('.html') ? 'text/html; charset=utf-8' : 'text/javascript'
    files.set(`/${file.fileName}`, { type, content })
  }
  return files
}

async function forward(functions: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { authorization = '', 'content-type': type = '' } = request.headers
  const answer = await fetch(functions + request.url, {
    method: request.method ?? 'GET',
    headers: { authorization, 'content-type': type },
    ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
  })
  response.writeHead(answer.status, { 'Content-Type': answer.headers.get('content-type') ?? '' })
  response.end(await answer.text())
}
