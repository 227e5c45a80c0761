// Shared by the files of this target alone.
#ifndef CSERIAL_POLL_UNTIL_H
#define CSERIAL_POLL_UNTIL_H

#include <poll.h>
#include <stdint.h>

/// Waits for one of these to be ready, or until an instant of the boot clock, whatever signals come; how many are
/// ready, or a negative errno.
int cserial_poll_until(struct pollfd *polled, nfds_t count, int64_t boot_nanoseconds);

#endif
