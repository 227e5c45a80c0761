#define _GNU_SOURCE
#include "CSerial.h"
#include "poll_until.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int cserial_local_longest(void) {
  struct sockaddr_un address;
  return (int)sizeof address.sun_path - 1;
}

static int address_of(const char *path, struct sockaddr_un *address) {
  size_t length = strlen(path);
  if (length == 0) return -ENOENT;
  if (length >= sizeof address->sun_path) return -ENAMETOOLONG;
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(address->sun_path, path, length);
  return 0;
}

// Whether what stands at the address is a socket that nobody listens on: 0, or why it must be left alone.
static int is_left(const struct sockaddr_un *address) {
  struct stat status;
  if (lstat(address->sun_path, &status) < 0) return errno == ENOENT ? 0 : -errno;
  if (!S_ISSOCK(status.st_mode)) return -EEXIST;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  int result = connect(descriptor, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : -EADDRINUSE;
  close(descriptor);
  // A full queue has an owner too; what may not be called is not ours.
  if (result == -EAGAIN) return -EADDRINUSE;
  return result == -ECONNREFUSED || result == -ENOENT ? 0 : result;
}

int cserial_local_listen(const char *path, uint32_t mode) {
  struct sockaddr_un address;
  int result = address_of(path, &address);
  if (result < 0) return result;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  // The file gets the permissions of the socket, so that it never has others.
  if (fchmod(descriptor, mode) < 0) goto failed;
  if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0) {
    if (errno != EADDRINUSE) goto failed;
    result = is_left(&address);
    if (result < 0) goto refused;
    if (unlink(path) < 0 && errno != ENOENT) goto failed;
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0) goto failed;
  }
  // What the mask of this process took away.
  if (chmod(path, mode) < 0 || listen(descriptor, 16) < 0) {
    result = -errno;
    unlink(path);
    goto refused;
  }
  return descriptor;
failed:
  result = -errno;
refused:
  close(descriptor);
  return result;
}

int cserial_local_identity(const char *path, uint64_t *device, uint64_t *node, uint32_t *group) {
  struct stat status;
  if (lstat(path, &status) < 0) return -errno;
  *device = (uint64_t)status.st_dev;
  *node = (uint64_t)status.st_ino;
  *group = status.st_gid;
  return 0;
}

int cserial_local_accept(int listener) {
  for (;;) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) return descriptor;
    if (errno != EINTR && errno != ECONNABORTED) return -errno;
  }
}

int cserial_local_connect(const char *path) {
  struct sockaddr_un address;
  int result = address_of(path, &address);
  if (result < 0) return result;
  int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address) < 0) {
    result = -errno;
    close(descriptor);
    return result;
  }
  return descriptor;
}

int cserial_local_peer(int descriptor, uint32_t *user, uint32_t *group, int32_t *process) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -errno;
  *user = peer.uid;
  *group = peer.gid;
  *process = peer.pid;
  return 0;
}

int cserial_local_peer_joins(int descriptor, uint32_t group) {
  gid_t few[64];
  gid_t *groups = few;
  socklen_t length = sizeof few;
  int found = getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups, &length);
  if (found < 0 && errno == ERANGE) {
    groups = malloc(length);
    if (!groups) return -ENOMEM;
    found = getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups, &length);
  }
  int result = found < 0 ? -errno : 0;
  for (socklen_t i = 0; found == 0 && i < length / sizeof *groups; i++)
    if (groups[i] == group) result = 1;
  if (groups != few) free(groups);
  return result;
}

int cserial_local_send(int descriptor, const uint8_t *bytes, int count) {
  for (;;) {
    ssize_t sent = send(descriptor, bytes, (size_t)count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return (int)sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return -errno;
  }
}

int cserial_local_wait(struct cserial_local_wish *wishes, size_t count, int64_t boot_nanoseconds) {
  struct pollfd polled[64];
  if (count > sizeof polled / sizeof *polled) return -EINVAL;
  for (size_t i = 0; i < count; i++) {
    short events = (short)((wishes[i].wants & 1 ? POLLIN : 0) | (wishes[i].wants & 2 ? POLLOUT : 0));
    // An end that hung up is told even to those who want nothing of it.
    polled[i] = (struct pollfd){.fd = wishes[i].descriptor, .events = events};
  }
  int ready = cserial_poll_until(polled, count, boot_nanoseconds);
  if (ready < 0) return ready;
  for (size_t i = 0; i < count; i++) {
    short got = polled[i].revents;
    int gone = got & (POLLHUP | POLLERR | POLLNVAL) ? 4 : 0;
    wishes[i].gets = (uint8_t)((got & POLLIN ? 1 : 0) | (got & POLLOUT ? 2 : 0) | gone);
  }
  return ready;
}

void cserial_release_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
