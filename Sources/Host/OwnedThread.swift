internal import CSerial
internal import Glibc

/// One operating system thread that runs the jobs of one actor, in order.
///
/// An actor whose calls block (a serial line, a database) names it as its executor, so that it stalls itself
/// and nobody else: the shared pool has only as many threads as there are cores.
@safe public final class OwnedThread: SerialExecutor, TaskExecutor, @unchecked Sendable {
  // The one place of the house with a lock of its own: `jobs`, `yields` and `stopping` are touched only under `lock`.
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [UnownedJob] = []
  private var yields: [CheckedContinuation<Void, Never>] = []
  private var stopping = false

  /// Starts the thread. `name` shows in `ps -L`; its first 15 bytes count.
  public init(name: String) {
    unsafe pthread_mutex_init(lock, nil)
    unsafe pthread_cond_init(wake, nil)
    // A machine without room for one more thread cannot run its lines at all; the jobs would wait for ever.
    let result = unsafe cserial_start_thread(name, OwnedThread.entry, Unmanaged.passRetained(self).toOpaque())
    precondition(result == 0, "cannot start thread \(name): errno \(-result)")
  }

  deinit {
    unsafe pthread_cond_destroy(wake)
    unsafe pthread_mutex_destroy(lock)
    unsafe wake.deallocate()
    unsafe lock.deallocate()
  }

  /// Lets the thread end once its queue is empty. Jobs that come later never run.
  public func stop() {
    unsafe pthread_mutex_lock(lock)
    stopping = true
    unsafe pthread_cond_signal(wake)
    unsafe pthread_mutex_unlock(lock)
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    unsafe pthread_mutex_lock(lock)
    jobs.append(unowned)
    unsafe pthread_cond_signal(wake)
    unsafe pthread_mutex_unlock(lock)
  }

  /// Resumes a job of this thread after those that wait already: a yield that never leaves the thread.
  ///
  /// `Task.yield()` of an actor goes through the shared pool, and stands still where that has no thread to spare.
  public func resumeLater(_ continuation: CheckedContinuation<Void, Never>) {
    unsafe pthread_mutex_lock(lock)
    yields.append(continuation)
    unsafe pthread_cond_signal(wake)
    unsafe pthread_mutex_unlock(lock)
  }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }
  public func asUnownedTaskExecutor() -> UnownedTaskExecutor { unsafe UnownedTaskExecutor(ordinary: self) }

  private static let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
    if let argument = unsafe argument {
      unsafe Unmanaged<OwnedThread>.fromOpaque(argument).takeRetainedValue().run()
    }
    return nil
  }

  private func run() {
    while true {
      unsafe pthread_mutex_lock(lock)
      while jobs.isEmpty, yields.isEmpty, !stopping { unsafe pthread_cond_wait(wake, lock) }
      let batch = jobs
      jobs.removeAll(keepingCapacity: true)
      let resumed = yields
      yields.removeAll(keepingCapacity: true)
      unsafe pthread_mutex_unlock(lock)
      if batch.isEmpty, resumed.isEmpty { return }
      for job in batch {
        unsafe job.runSynchronously(
          isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
      }
      for continuation in resumed { continuation.resume() }
    }
  }
}
