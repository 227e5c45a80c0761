/// Version of the program, as `meterd --version` prints it.
public let meterdVersion = "0.1.0"
