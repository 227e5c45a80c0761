// The far end of a line: what stands in for meters needs of pseudo-terminals and sockets.
#ifndef CSERIAL_FAR_END_H
#define CSERIAL_FAR_END_H

#include <stddef.h>
#include <stdint.h>

// Every function returns 0 or more on success, or a negative errno.

/// Waits until a descriptor has something to read or has hung up, or until an instant of the boot clock.
/// A mask of those that are ready, bit 0 for the first of at most 8; 0 at the instant. Negative descriptors count as never.
int cserial_wait_any(const int *descriptors, size_t count, int64_t boot_nanoseconds);

/// The rate in bits per second that a terminal is set to.
int cserial_baud(int descriptor);

/// A pair of ends; a byte written to `bell[1]` makes `bell[0]` readable. Both close on exec and never block.
int cserial_bell(int bell[2]);

/// Listens on 127.0.0.1; port 0 takes a free one. The descriptor; the port taken in `bound`.
int cserial_listen_local(uint16_t port, uint16_t *bound);

/// The next caller of a listening descriptor, non-blocking and without Nagle's delay; -EAGAIN when there is none.
int cserial_accept(int listener);

/// Points the symbolic link `link` at `target` in one step, whatever it pointed at before.
/// -EEXIST when `link` is there and no symbolic link.
int cserial_point_link(const char *link, const char *target);

#endif
