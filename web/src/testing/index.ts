export { type FakeEvent, type FakeEvents, type FakeSync, type FakeSyncOptions, fakeSync } from './fakeSync.ts'
