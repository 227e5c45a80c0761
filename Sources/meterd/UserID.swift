import Glibc

/// The number of the user who runs this.
var userID: UInt32 { getuid() }
