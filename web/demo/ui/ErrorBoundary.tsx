import { Component, type ReactNode } from 'react'

/** Shows a way out when a page throws, or when its code could not be loaded. */
// biome-ignore lint/style/useReactFunctionComponents: React has error boundaries of this kind alone
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly failed: boolean }> {
  override state = { failed: false }

  static getDerivedStateFromError() {
    return { failed: true }
  }

  override render() {
    if (!this.state.failed) return this.props.children
    return (
      <main className="plain" role="alert">
        <title>Something went wrong · Kull</title>
        <h1>Something went wrong</h1>
        <p>The page could not be shown. Loading it again may help.</p>
        <button type="button" className="button button-primary" onClick={() => location.reload()}>
          Load again
        </button>
      </main>
    )
  }
}
