/// Version of this program; all processes of a run need the same.
package let programVersion = "0.1.0-dev"
