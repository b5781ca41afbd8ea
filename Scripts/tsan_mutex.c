/* Lets ThreadSanitizer see how threads take turns at a contended Swift `Mutex`.
 *
 * The standard library inlines a mutex's uncontended way into our code, where the sanitizer sees it,
 * and keeps the contended one in a library that is not built with it: what a thread did before it
 * unlocked then seems to race with what the next one does. This function, linked into the program
 * under test, stands in for the library's. It never marks the mutex as contended, so that unlocking
 * always goes the inlined way.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* `Synchronization._MutexHandle._lockSlow(UInt32)`; self is the word that has the owner's thread. */
__attribute__((swiftcall)) void lock_slowly(
    uint32_t thread, __attribute__((swift_context)) _Atomic(uint32_t) *owner)
    __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");

__attribute__((swiftcall)) void lock_slowly(
    uint32_t thread, __attribute__((swift_context)) _Atomic(uint32_t) *owner) {
  const struct timespec pause = {0, 20000};
  uint32_t nobody = 0;
  while (!atomic_compare_exchange_weak_explicit(
      owner, &nobody, thread, memory_order_acquire, memory_order_relaxed)) {
    /* As the library: whoever waits for itself waits for ever. */
    if ((nobody & FUTEX_TID_MASK) == thread) abort();
    nobody = 0;
    nanosleep(&pause, 0);
  }
}
