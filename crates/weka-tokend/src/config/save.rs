//! Changing a configuration file in place.
