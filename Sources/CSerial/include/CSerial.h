// What Glibc's Swift overlay leaves out of terminals, clocks and locks, as plain functions.
#ifndef CSERIAL_H
#define CSERIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Every function returns 0 or a descriptor on success, or a negative errno.

/// Opens a serial device for raw I/O: not a controlling terminal, non-blocking, closed on exec.
/// -ENOTTY when the path is something else than a terminal.
int cserial_open(const char *path);

/// The same for one who only listens: the kernel refuses every byte that is written.
int cserial_open_to_listen(const char *path);

struct cserial_settings {
  uint32_t baud;
  uint8_t data_bits;  // 7 or 8
  uint8_t parity;     // 'N', 'E' or 'O'
  uint8_t stop_bits;  // 1 or 2
};

/// The control flags that stand for `settings`, and the rate; a seam to test what no pty can keep.
int cserial_control_flags(const struct cserial_settings *settings, uint32_t *cflag, uint32_t *iflag, uint32_t *speed);

/// Raw mode with `settings`, read back and compared. `kept` says what the device refused:
/// bit 0 parity or size, bit 1 speed, bit 2 stop bits. A pty that drops parity is no error.
int cserial_tune(int descriptor, const struct cserial_settings *settings, uint32_t *refused);

/// True for the device side of a pseudo-terminal.
bool cserial_is_pseudo_terminal(int descriptor);

/// Takes the port for this process: TIOCEXCL and an advisory lock. -EBUSY when another holds it.
int cserial_lock(int descriptor);

/// Waits until what was written has left the port.
int cserial_drain(int descriptor);

/// A pseudo-terminal: the controlling end in `controller`, the path of the device in `path`.
/// The device end is held open in `device`, so that the pair outlives those who open it.
int cserial_pseudo_terminal(int *controller, int *device, char *path, size_t size);

/// Connects to HOST:PORT over TCP within `timeout_ms`; a non-blocking descriptor without Nagle's delay.
/// -EHOSTUNREACH when the name cannot be resolved.
int cserial_connect(const char *host, const char *port, int timeout_ms);

/// Nanoseconds since boot, suspend included; never stepped.
int64_t cserial_boot_nanoseconds(void);
/// Milliseconds since 1970 UTC by the wall clock.
int64_t cserial_unix_milliseconds(void);
/// Whether the kernel believes the wall clock is disciplined; by the mark of systemd-timesyncd where the kernel may
/// not be asked.
bool cserial_clock_synchronised(void);
/// Sleeps until an instant of the boot clock.
void cserial_sleep_until(int64_t boot_nanoseconds);

/// Waits until there is something to read, the peer hangs up, or the boot clock reaches `until`.
/// 1 readable, 0 time is up, -EIO hung up with nothing left to read.
int cserial_wait_readable(int descriptor, int64_t until);

/// Reads what is there: the count, 0 when nothing waits, -EIO when the other end is gone.
int cserial_read(int descriptor, uint8_t *bytes, int capacity);

/// Writes everything, waiting for room up to `until`; -ETIMEDOUT when the port takes no more.
int cserial_write(int descriptor, const uint8_t *bytes, int count, int64_t until);

void cserial_close(int descriptor);

/// A counter that wakes whoever waits for it; a descriptor or a negative errno.
int cserial_doorbell(void);
void cserial_ring(int doorbell);
/// Waits until it rings or the boot clock reaches `until`, and quiets it. 1 when it rang.
int cserial_wait_doorbell(int doorbell, int64_t until);

/// Sends one datagram to a Unix socket; a name that begins with @ is in the abstract space.
int cserial_notify(const char *socket_name, const char *message);

/// Starts a detached thread with its own stack of 512 KiB. `name` is cut to 15 bytes.
int cserial_start_thread(const char *name, void *(*body)(void *), void *argument);

#include "CSerialFarEnd.h"
#include "CSerialLocal.h"

#endif
