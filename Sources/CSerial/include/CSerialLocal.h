// Stream sockets of this machine alone: who speaks to a daemon has an account on it, and the kernel says which.
#ifndef CSERIAL_LOCAL_H
#define CSERIAL_LOCAL_H

#include <stddef.h>
#include <stdint.h>

// Every function returns 0 or more on success, or a negative errno.

/// Listens at `path`, which gets these permissions; the descriptor never blocks. What a dead process left there is
/// taken over. -EADDRINUSE when somebody listens there, -EEXIST when something else stands there, -ENAMETOOLONG when
/// the path does not fit into an address.
int cserial_local_listen(const char *path, uint32_t mode);

/// The longest path that a socket can have.
int cserial_local_longest(void);

/// What stands at `path`, for a later look at whether it is still the same, and the group it belongs to.
int cserial_local_identity(const char *path, uint64_t *device, uint64_t *node, uint32_t *group);

/// The next caller, as a descriptor that never blocks; -EAGAIN when there is none.
int cserial_local_accept(int listener);

/// Calls who listens at `path`.
int cserial_local_connect(const char *path);

/// Who is at the other end, by the kernel's word when the connection was made.
int cserial_local_peer(int descriptor, uint32_t *user, uint32_t *group, int32_t *process);

/// 1 where the process at the other end was in that group besides its own, 0 where it was not.
int cserial_local_peer_joins(int descriptor, uint32_t group);

/// Sends what finds room; the count, 0 where there is none. A closed end is an error and no signal.
int cserial_local_send(int descriptor, const uint8_t *bytes, int count);

struct cserial_local_wish {
  int descriptor;  // negative for none
  uint8_t wants;   // 1 to read, 2 to write
  uint8_t gets;    // the same; an end that hung up counts as readable
};

/// Waits for one of these wishes, or until an instant of the boot clock; how many came true.
int cserial_local_wait(struct cserial_local_wish *wishes, size_t count, int64_t boot_nanoseconds);

/// Gives freed memory back to the system, page by page.
void cserial_release_memory(void);

#endif
