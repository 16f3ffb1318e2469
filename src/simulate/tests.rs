//! Tests of the whole simulator.
